"""An event is sent whole and unchanged, or not at all."""

import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from schemas.action import ActionRequested
from schemas.alert import Alert
from schemas.base import to_json
from schemas.cloudevents import HISTORIC
from schemas.dead_letter import Reason
from schemas.lifecycle import Cause, LifecycleChanged, Stage
from services.journey.deliver.domain.payload import BODY_BYTES_MAX, Event, Historic, Notice, Refused
from services.journey.deliver.domain.payload import read as read_event
from services.journey.publish import output_of

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
PROFILE = UUID(int=1)


def lifecycle(detail: str = "second order", historic: bool = False) -> LifecycleChanged:
    return LifecycleChanged(
        workspace="acme",
        profile_id=PROFILE,
        event_id=uuid4(),
        from_stage=Stage.NEW,
        to_stage=Stage.GROWING,
        at=AT,
        decided_at=AT,
        cause=Cause(type="event", detail=detail),
        scores_version=1,
        historic=historic,
    )


def alert() -> Alert:
    return Alert(
        workspace="acme",
        profile_id=PROFILE,
        event_id=uuid4(),
        alert_id=uuid4(),
        kind="churn_risk",
        state="raised",
        severity=2,
        at=AT,
        decided_at=AT,
        cause=Cause(type="time", detail="P(alive) 0.49"),
        suggested_action="call",
        scores_version=1,
    )


def action() -> ActionRequested:
    return ActionRequested(
        workspace="acme",
        profile_id=PROFILE,
        event_id=uuid4(),
        action="open_task",
        title="拜访",
        parameters={"hours": 24},
        requested_at=AT,
        cause=Cause(type="event", detail="complaint"),
    )


@pytest.mark.parametrize(
    ("topic", "event"),
    [
        ("lifecycle.changed", lifecycle()),
        ("alerts.raised", alert()),
        ("actions.requested", action()),
    ],
)
def test_the_body_is_type_timestamp_and_the_event(topic: str, event: Event) -> None:
    notice = read_event(topic, to_json(event))
    assert isinstance(notice, Notice)
    assert (notice.workspace, notice.event_id, notice.at) == ("acme", str(event.event_id), AT)
    assert json.loads(notice.body) == {
        "type": topic,
        "timestamp": "2026-01-02T03:04:05.000678Z",
        "data": json.loads(to_json(event)),
    }


def test_what_a_newer_writer_adds_is_sent_too() -> None:
    value = json.dumps(json.loads(to_json(lifecycle())) | {"new_field": [1]}).encode()
    notice = read_event("lifecycle.changed", value)
    assert isinstance(notice, Notice)
    assert json.loads(notice.body)["data"]["new_field"] == [1]


def test_a_historic_event_is_sent_to_nobody() -> None:
    assert read_event("lifecycle.changed", to_json(lifecycle(historic=True))) == Historic()


def test_a_body_of_20_kb_is_refused_not_cut() -> None:
    refused = read_event("lifecycle.changed", to_json(lifecycle("x" * BODY_BYTES_MAX)))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.workspace) == (Reason.TOO_LARGE, "acme")


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b'"x"', b"null", b"\xff", b'{"workspace":1}'])
def test_what_is_not_an_event_is_refused_without_its_content(value: bytes) -> None:
    refused = read_event("alerts.raised", value)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.POISON


def test_the_header_of_history_spares_reading_the_value() -> None:
    marks = output_of(lifecycle(historic=True)).headers
    assert read_event("lifecycle.changed", b"not even JSON", marks) == Historic()


def test_only_history_is_marked_as_such() -> None:
    assert HISTORIC not in output_of(lifecycle()).headers
    assert HISTORIC not in output_of(alert()).headers
