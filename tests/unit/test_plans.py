"""Tracking plans at the door: allow, quarantine, block; and what costs nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.touchpoint import Touchpoint
from schemas.touchpoints import KINDS, SAMPLES
from services.common.plan_judge import UNPLANNED, document_of
from services.ingest.api import count
from services.ingest.door import Arrival, Door
from services.ingest.letters import outputs_of
from services.ingest.metrics import VIOLATIONS
from tests.unit.ingest_builders import NOW, SALT, WORKSPACE, World, order, original, track
from tests.unit.plan_builders import (
    SIZED,
    WISHLIST,
    custom,
    door,
    letter,
    plan,
    ruling,
    verdict,
    violation,
)

OUTCOMES = {
    "allow": ("allowed", None),
    "quarantine": ("quarantined", "plan_violation"),
    "block": ("blocked", "plan_blocked"),
}


def wish(**properties: Any) -> dict[str, Any]:
    return track(WISHLIST, properties=properties)


@pytest.mark.parametrize("mode", OUTCOMES)
def test_an_event_that_is_not_as_planned_is_told_and_its_mode_decides(mode: str) -> None:
    planned = plan({WISHLIST: {"mode": mode, "schema": SIZED}})
    outcome, reason = OUTCOMES[mode]
    said = verdict(planned, wish(size="ada@x.example"))
    told = violation(said)
    assert (told.workspace, told.source, told.plan) == ("demo", "web", "web")
    assert (told.event, told.outcome, told.message_id, told.at) == (WISHLIST, outcome, "m-1", NOW)
    [fault] = told.faults
    assert (fault.field, fault.rule) == ("size", "type")
    assert said.violated is not None
    assert b"ada@" not in said.violated.output.value
    if reason is None:
        accepted = Touchpoint.model_validate_json(said.output.value)
        assert accepted.event_id == told.touchpoint_id
    else:
        refused = letter(said)
        assert (refused.reason, refused.field, refused.message_id) == (reason, "size", "m-1")
        assert refused.detail == (
            "not as plan 'web' says: `size` the value is not of type \"integer\""
        )
        assert json.loads(original(refused)) == wish(size="ada@x.example")


@pytest.mark.parametrize("mode", OUTCOMES)
def test_what_is_as_planned_passes_without_a_word(mode: str) -> None:
    said = verdict(plan({WISHLIST: {"mode": mode, "schema": SIZED}}), wish(size=3))
    assert (said.kind, said.violated) == ("custom", None)


@pytest.mark.parametrize("unplanned", OUTCOMES)
def test_an_event_that_is_not_in_the_plan(unplanned: str) -> None:
    outcome, reason = OUTCOMES[unplanned]
    said = verdict(plan(unplanned=unplanned), track("Called ada@x.example"))
    told = violation(said)
    assert (told.event, told.outcome) == ("***", outcome)
    assert [(fault.field, fault.rule) for fault in told.faults] == [("event", "unplanned")]
    assert "ada@" not in str(told)
    assert said.reason == reason


def test_it_is_not_looked_at_unless_the_plan_says_so() -> None:
    said = verdict(plan(), track("Never Heard Of"))
    assert (said.kind, said.violated) == ("custom", None)


def test_a_custom_event_that_is_called_like_a_kind_is_not_that_kind() -> None:
    planned = plan({"identified": {"mode": "block", "traits": {"required": ["email"]}}})
    assert verdict(planned, track("identified", properties={})).kind == "custom"


def test_a_known_kind_is_held_to_stricter_rules() -> None:
    rules = {"properties": {"total": {"properties": {"amount": {"minimum": 20}}}}}
    planned = plan({"order_completed": {"mode": "block", "schema": rules}})
    assert verdict(planned, order(total="20.5")).kind == "order_completed"
    said = verdict(planned, order(total="19.99"))
    assert (said.reason, letter(said).field) == ("plan_blocked", "total.amount")


def test_traits_can_be_required() -> None:
    traits = {"required": ["email"], "properties": {"email": {"format": "email"}}}
    planned = plan({"identified": {"mode": "block", "traits": traits}})

    def said(sent: object) -> str | None:
        call = {"type": "identify", "messageId": "m", "userId": "u", "traits": sent}
        found = verdict(planned, call)
        return letter(found).field if found.reason else None

    assert said({"email": "ada@x.example"}) is None
    assert said({"city": "London"}) == "traits.email"
    assert said({"email": None}) == "traits.email"
    assert said({"email": "nowhere"}) == "traits.email"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_a_document_without_nulls_and_with_numbers(kind: str) -> None:
    properties = KINDS[kind].model_validate(SAMPLES[kind])
    again = KINDS[kind].model_validate_json(properties.model_dump_json())
    assert document_of(properties) == document_of(again)
    assert "kind" not in document_of(properties)
    found = ruling(
        plan({name: {"schema": SIZED} for name in KINDS if name != "custom"}), properties
    )
    assert (found is None) == (kind == "custom")


def test_amounts_are_numbers() -> None:
    document = document_of(KINDS["order_completed"].model_validate(SAMPLES["order_completed"]))
    assert document["total"] == {"amount": Decimal("29.33"), "currency": "USD"}
    assert "price" not in document["lines"][0] or document["lines"][0]["price"] == Decimal("14.66")


def test_a_door_without_a_plan_has_no_stage_for_it() -> None:
    without = Door(WORKSPACE, "web", SALT)._stages
    planned = door(plan())._stages
    assert {key: len(stages) - 1 for key, stages in planned.items()} == {
        key: len(stages) for key, stages in without.items()
    }
    elsewhere = door(plan(sources=["inbound"]))._stages
    assert list(map(len, elsewhere.values())) == list(map(len, without.values()))


def test_a_repeat_says_the_same_under_the_same_id() -> None:
    first, again = (violation(verdict(plan(), wish())) for _ in range(2))
    assert first == again


def test_what_is_published_is_answered_and_counted_by_names_of_the_plan() -> None:
    calls = [wish(), wish(size=1), track("Whatever 1"), track("Whatever 2")]
    raws = [json.dumps(call | {"messageId": str(n)}).encode() for n, call in enumerate(calls)]
    verdicts = door(plan(unplanned="allow")).admit(raws, Arrival(NOW))
    assert len(outputs_of(verdicts)) == 7
    before = _counted(WISHLIST), _counted(UNPLANNED)
    count(verdicts, "web")
    assert (_counted(WISHLIST), _counted(UNPLANNED)) == (before[0] + 1, before[1] + 2)


def _counted(event: str) -> float:
    return float(VIOLATIONS.labels("web", event, "allow")._value.get())


def test_the_answer_waits_for_the_violations_too() -> None:
    world = World()
    world.doors.renew({"demo": WORKSPACE.model_copy(update={"plans": (plan(),)})})
    assert world.send("/v1/track", wish()).status_code == 200
    assert [each.topic for each in world.publisher.outputs] == [
        "touchpoints.accepted",
        "violations",
    ]


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=3), max_size=4))
def test_judging_changes_nothing_of_what_is_let_in(properties: dict[str, Any]) -> None:
    call = json.dumps(wish(**{**properties, "size": properties.get("size")})).encode()
    [planned] = door(plan()).admit([call], Arrival(NOW))
    [plain] = Door(WORKSPACE, "web", SALT).admit([call], Arrival(NOW))
    assert planned.output == plain.output
    assert (planned.violated is None) == (
        ruling(plan(), custom(**json.loads(call)["properties"])) is None
    )
