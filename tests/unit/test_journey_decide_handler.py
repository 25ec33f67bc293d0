"""The handler around the decisions: what it reads, writes, publishes, refuses and puts off."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import msgspec
import pytest

from schemas.action import ActionRequested
from schemas.alert import Alert
from schemas.base import Message, derived_id, from_micros, micros, to_json
from schemas.dead_letter import DeadLetter
from schemas.lifecycle import LifecycleChanged, Stage
from schemas.scores import Scores
from services.common.batch import Batch, Decision, Due, pack_state
from services.journey.domain.customer import NEVER, Complaint, KnownAlert, State
from services.journey.domain.merges import HANDOVER_US, TOMBSTONE_US
from services.journey.store import body_of, owner_of, state_key, state_of
from services.journey.stream import DUE_US_MAX
from tests.unit.journey_builders import WHO, Known, day, redirect, scores, with_orders
from tests.unit.journey_world import World

KEY = state_key("demo", WHO.bytes)
OTHER = UUID("22222222-2222-4222-8222-222222222222")
COMPLAINED = Known(complaints=(("C-1", day(0), 4),), high_value=True)
SCHEMA: dict[str, type[Message]] = {
    "lifecycle.changed": LifecycleChanged,
    "alerts.raised": Alert,
    "actions.requested": ActionRequested,
    "dead_letters": DeadLetter,
}


def test_a_message_writes_the_state_its_due_time_and_its_events() -> None:
    world = World()
    decision = world.hear(scores(with_orders(0), 10), at=0)
    assert decision.reads == {KEY: 0}
    assert set(decision.writes) == {KEY}
    assert set(world.due) == {(3, KEY)}
    assert world.told() == ["lifecycle.changed"]


def test_of_several_messages_in_a_batch_the_newest_counts() -> None:
    world = World()
    world.hear(scores(with_orders(0, 1), 12), scores(with_orders(0), 11), at=1)
    assert world.told() == ["lifecycle.changed"]
    assert json.loads(world.published[0].value)["to_stage"] == "growing"


def test_an_old_message_costs_nothing() -> None:
    world = World()
    world.hear(scores(with_orders(0), 10), at=0)
    decision = world.hear(scores(with_orders(0), 10), at=1)
    assert decision == Decision()


def test_an_old_snapshot_scored_by_a_new_model_says_nothing() -> None:
    """A rescan passes all snapshots that the log still holds: by the older ones all are lost."""
    world, model = World(), micros(day(400))
    old, new = Known(orders=(day(0), day(10))), Known(orders=(day(0), day(10), day(390)))
    world.hear(scores(old, micros(day(10))), scores(new, micros(day(390))), at=390)
    told = len(world.published)
    rescored = [_scored_by(model, old, day(10)), _scored_by(model, new, day(390))]
    world.hear(*rescored, at=400)
    assert [one for one in world.published[told:] if b'"lost"' in one.value] == []
    [state] = world.states()
    assert state.scores_version == rescored[1].version


def _scored_by(model_us: int, known: Known, seen: datetime) -> Scores:
    made = scores(replace(known, model=model_us), micros(seen) + model_us)
    return made.model_copy(update={"as_of": from_micros(model_us)})


def test_a_message_without_news_moves_no_due_time() -> None:
    world = World()
    world.hear(scores(with_orders(0), 10), at=0)
    decision = world.hear(scores(with_orders(0), 11), at=1)
    assert set(decision.writes) == {KEY}
    assert decision.due == {}
    assert decision.outputs == {}


def test_time_alone_brings_every_stage_and_then_rests() -> None:
    world = World()
    world.hear(scores(with_orders(0), 10), at=0)
    while world.due:
        world.pass_time(min(world.due.values()))
    entered = [json.loads(o.value) for o in world.published if o.topic == "lifecycle.changed"]
    assert [event["to_stage"] for event in entered] == ["new", "dormant", "lost"]
    assert world.told().count("alerts.raised") == 1


def test_a_due_member_that_came_too_early_is_put_off() -> None:
    world = World()
    world.hear(scores(with_orders(0), 10), at=0)
    ((name, at_us),) = world.due.items()
    world.commit(Batch((), [Due(3, KEY, at_us - 5)], at_us - 5))
    assert world.due == {name: at_us}
    assert world.told() == ["lifecycle.changed"]


def test_a_due_member_without_a_customer_is_forgotten() -> None:
    world = World()
    world.due[3, KEY] = 5
    decision = world.pass_time(5)
    assert world.due == {}
    assert decision.writes == {}
    assert decision.deletes == []


def test_a_due_member_of_an_unknown_workspace_is_forgotten() -> None:
    world = World()
    world.due[3, state_key("gone", WHO.bytes)] = 5
    world.pass_time(5)
    assert world.due == {}


def test_a_moment_beyond_what_redis_counts_exactly_never_comes() -> None:
    world = World()
    world.hear(scores(with_orders(0, patience=40.0), 10), at=0)
    state = state_of(world.store.values[KEY][8:])
    assert state.due_us > 0
    far = state._replace(churn_us=DUE_US_MAX + 1, dormant_us=DUE_US_MAX + 1, lost_us=NEVER)
    world.store.values[KEY] = pack_state(9, body_of(far))
    world.pass_time(max(world.due.values()))
    assert world.due == {}


def test_a_merged_profile_is_settled_with_its_survivor_and_rests() -> None:
    world = World()
    world.hear(scores(COMPLAINED, micros(day(0.1))), at=0.1)
    world.hear(redirect(micros(day(0.2)), OTHER), at=0.2)
    world.hear(scores(COMPLAINED, micros(day(0.2)), who=OTHER), at=0.2)
    alerts = [json.loads(o.value) for o in world.published if o.topic == "alerts.raised"]
    assert [(a["profile_id"], a["state"]) for a in alerts] == [
        (str(WHO), "raised"),
        (str(OTHER), "raised"),
    ]
    assert alerts[0]["event_id"] == alerts[1]["event_id"]
    merged_us = micros(day(0.2))
    before = len(world.published)
    world.pass_time(merged_us + HANDOVER_US)
    world.pass_time(merged_us + TOMBSTONE_US)
    assert len(world.published) == before
    tombstone = world.store.values[KEY]
    assert (3, KEY) not in world.due
    assert state_of(tombstone[8:]).merged_into == OTHER.bytes
    assert len(tombstone) < 128


def test_a_complaint_handled_while_merging_does_not_stay_open() -> None:
    world = World()
    handled = replace(COMPLAINED, handled=frozenset({"C-1"}))
    world.hear(scores(COMPLAINED, micros(day(0.1))), at=0.1)
    world.hear(redirect(micros(day(0.2)), OTHER), at=0.2)
    world.hear(scores(handled, micros(day(0.2)), who=OTHER), at=0.2)
    world.pass_time(micros(day(0.2)) + HANDOVER_US)
    last = json.loads(world.published[-1].value)
    assert (last["state"], last["cause"]["type"]) == ("cleared", "merge")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b'{"workspace":"\xff"}', "malformed_json"),
        (b'{"x":' + b"[" * 100_000, "malformed_json"),
        (b"[]", "bad_properties"),
        (b'{"workspace":"demo"}', "bad_properties"),
        (to_json(scores(Known(), 1)).replace(b'"demo"', b'"other"'), "unknown_workspace"),
        (to_json(scores(Known(), 1)).replace(b"2026-01-01", b"2026-13-01"), "bad_properties"),
    ],
)
def test_what_cannot_be_understood_is_a_dead_letter(value: bytes, reason: str) -> None:
    world = World()
    world.hear(value, scores(with_orders(0), 10), at=0)
    assert sorted(world.told()) == ["dead_letters", "lifecycle.changed"]
    letter = next(o for o in world.published if o.topic == "dead_letters")
    assert DeadLetter.model_validate_json(letter.value).reason == reason


def test_what_is_published_is_what_the_schemas_say() -> None:
    world = World()
    world.hear(scores(COMPLAINED, micros(day(0.1))), b"?", at=0.1)
    assert set(world.told()) == set(SCHEMA)
    for output in world.published:
        event = SCHEMA[output.topic].model_validate_json(output.value)
        assert to_json(event) == output.value
        marks = dict(output.headers)
        assert marks["ce_id"].decode() == json.loads(output.value)["event_id"]
        assert marks["content-type"] == b"application/json"
        if output.topic != "dead_letters":
            assert output.key == marks["ce_subject"] == str(WHO).encode()


def test_there_are_no_snapshots_to_send_again() -> None:
    assert World().handler.newest([]) == []


def test_a_state_survives_being_stored() -> None:
    full = State(
        scores_version=1,
        profile_version=2,
        stage=Stage.LOST,
        since_us=3,
        quiet=True,
        orders=4,
        purchase_days=5,
        last_order_us=-6,
        gap_days=7.5,
        high_value=True,
        modelled=True,
        dormant_us=8,
        lost_us=9,
        churn_us=10,
        due_us=11,
        ended_us=12,
        revision=13,
        complaints_received=1,
        complaints=(Complaint(b"x" * 16, 1, 2, "C-1"),),
        alerts=(KnownAlert("churn_risk", b"y" * 8, 3, True, 2, False),),
        merged_into=b"z" * 16,
        merged_us=14,
    )
    assert state_of(body_of(full)) == full
    for name, value in full._asdict().items():
        alone = State(1, 2)._replace(**{name: value})
        assert state_of(body_of(alone)) == alone


def test_a_state_is_small() -> None:
    world = World()
    world.hear(scores(with_orders(*range(0, 300, 10)), micros(day(300))), at=300)
    assert len(world.store.values[KEY]) < 130
    world.hear(scores(Known(), micros(day(300)), who=OTHER), at=300)
    assert len(world.store.values[state_key("demo", OTHER.bytes)]) < 60


def test_a_state_that_cannot_be_read_is_our_mistake() -> None:
    with pytest.raises(msgspec.ValidationError):
        state_of(b"\xc0")


def test_a_key_names_its_owner() -> None:
    assert owner_of(state_key("a-b_c", derived_id("x").bytes)) == ("a-b_c", derived_id("x"))
