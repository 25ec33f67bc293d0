"""Every sample of every kind can be sent as a Segment call, and arrives as it was meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.cloudevents import headers, rfc3339, source_of
from schemas.touchpoint import Touchpoint
from schemas.touchpoints import KINDS, SAMPLES
from services.ingest.domain.kinds import TRACKED
from services.ingest.door import Arrival
from tests.unit.ingest_builders import NOW, accepted, door

SALT_FREE_CALL: dict[str, Any] = {
    "messageId": "m-1",
    "userId": "u-1",
    "timestamp": "2026-01-02T03:04:05.123456Z",
}


def call_for(kind: str) -> dict[str, Any]:
    """The Segment call that a sender would make for this sample."""
    sample = {name: value for name, value in SAMPLES[kind].items() if name != "kind"}
    match kind:
        case "identified":
            return SALT_FREE_CALL | {"type": "identify", "traits": sample["traits"]}
        case "aliased":
            previous = sample["previous"]
            more = {"previousId": previous["value"], "previousKind": previous["kind"]}
            return SALT_FREE_CALL | {"type": "alias"} | more
        case "account_linked":
            more = {"groupId": sample["account_id"], "traits": sample["traits"]}
            return SALT_FREE_CALL | {"type": "group"} | more
        case "custom":
            more = {"event": sample["name"], "properties": sample["properties"]}
            return SALT_FREE_CALL | {"type": "track"} | more
        case _:
            return SALT_FREE_CALL | {"type": "track", "event": kind, "properties": sample}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_sample_that_is_sent_arrives_as_its_kind_with_all_it_says(kind: str) -> None:
    meant = KINDS[kind].model_validate(SAMPLES[kind])
    assert accepted(call_for(kind)).properties.model_dump() == meant.model_dump()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_bytes_are_those_that_the_model_would_write(kind: str) -> None:
    [verdict] = door().admit([json.dumps(call_for(kind)).encode()], Arrival(NOW))
    model = Touchpoint.model_validate_json(verdict.output.value)
    written = json.loads(verdict.output.value)
    assert written.pop("received_at") == rfc3339(NOW)
    dumped = json.loads(model.model_dump_json())
    del dumped["received_at"]
    assert written == dumped
    assert list(written) == [
        name for name in Touchpoint.model_fields if name not in ("received_at", "public")
    ]


def test_the_headers_are_those_of_cloudevents() -> None:
    [verdict] = door().admit([json.dumps(call_for("custom")).encode()], Arrival(NOW))
    touchpoint = Touchpoint.model_validate_json(verdict.output.value)
    assert verdict.output.headers == headers(
        "touchpoints.accepted",
        event_id=str(touchpoint.event_id).encode(),
        source=source_of("demo"),
        time=rfc3339(touchpoint.occurred_at).encode(),
        subject=verdict.output.key,
    )


def test_every_kind_that_is_tracked_is_a_kind() -> None:
    others = {"identified", "aliased", "account_linked", "custom"}
    assert set(TRACKED) == set(KINDS) - others
