"""Merged profiles: alerts move with their causes, nothing is doubled, nothing is left behind."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from schemas.base import micros
from schemas.lifecycle import Stage
from services.journey.domain.holders import Holders
from services.journey.domain.merges import HANDOVER_US, TOMBSTONE_US, handed_over
from tests.unit.journey_builders import (
    RULES,
    WHO,
    Known,
    Life,
    alert_states,
    day,
    redirect,
    scores,
    stages,
    with_orders,
)

SURVIVOR = UUID("22222222-2222-4222-8222-222222222222")
VALUED = Known(complaints=(("C-1", day(0), 4),), high_value=True)
CLOSED_AND_NEW = ("raised", "cleared", "raised")
HANDLED = replace(VALUED, handled=frozenset({"C-1"}))


def merged(known: Known) -> Life:
    """A profile that was known and has just joined the survivor."""
    life = Life()
    life.hear(scores(known, micros(day(0.2))), day(0.2))
    life.hear(redirect(micros(day(0.3)), SURVIVOR), day(0.3))
    return life


def surviving(known: Known, at: float = 0.3) -> Life:
    life = Life(who=SURVIVOR)
    life.hear(scores(known, micros(day(at)), who=SURVIVOR), day(at))
    return life


def settle(life: Life, survivor: Life | None, after_us: int = HANDOVER_US) -> list[tuple[str, str]]:
    """What the tombstone does when its time has come."""
    assert life.state is not None
    now_us = micros(day(0.3)) + after_us
    other = survivor.state if survivor else None
    holders = Holders()
    for one in (life, survivor):
        for name, told in one.holders.changed.items() if one else ():
            holders.note(name, told)
    life.state, events = handed_over(WHO, life.state, other, now_us, RULES, holders)
    return alert_states(events)


def test_the_survivor_takes_over_the_complaint_under_the_same_ids() -> None:
    lost, survivor = merged(VALUED), surviving(VALUED)
    assert [alert.event_id for alert in survivor.alerts] == [
        alert.event_id for alert in lost.alerts
    ]
    assert settle(lost, survivor) == []


def test_a_complaint_handled_at_the_merge_is_cleared_by_the_tombstone() -> None:
    lost = merged(VALUED)
    assert settle(lost, surviving(HANDLED)) == [("high_value_complained", "cleared")]
    assert settle(lost, surviving(HANDLED)) == []


def test_what_the_survivor_took_over_and_cleared_is_not_cleared_again() -> None:
    lost, survivor = merged(VALUED), surviving(VALUED)
    survivor.hear(scores(HANDLED, micros(day(0.3)) + 1, who=SURVIVOR), day(0.3))
    assert alert_states(survivor.events)[-1] == ("high_value_complained", "cleared")
    assert settle(lost, survivor) == []


def test_a_complaint_that_is_open_again_is_another_alert() -> None:
    life = Life()
    for version, known in enumerate([VALUED, HANDLED, VALUED]):
        life.hear(scores(known, micros(day(0.2)) + version), day(0.2))
    assert [alert.state for alert in life.alerts] == list(CLOSED_AND_NEW)
    assert len({alert.event_id for alert in life.alerts}) == 3


def test_the_tombstone_waits_for_a_survivor_that_lags() -> None:
    lost = merged(VALUED)
    assert settle(lost, None) == []
    assert settle(lost, surviving(Known(), at=0.1)) == []
    assert settle(lost, surviving(VALUED)) == []


def test_the_tombstone_does_not_wait_for_ever() -> None:
    lost = merged(VALUED)
    assert settle(lost, None, after_us=TOMBSTONE_US) == [("high_value_complained", "cleared")]
    assert lost.state is not None
    assert lost.state.due_us == 0


def test_the_tombstone_follows_a_survivor_that_joined_a_third() -> None:
    lost, survivor = merged(VALUED), surviving(VALUED)
    third = UUID(int=3)
    survivor.hear(redirect(micros(day(0.31)), third, who=SURVIVOR), day(0.31))
    assert settle(lost, survivor) == []
    assert lost.state is not None
    assert lost.state.merged_into == third.bytes


def test_a_churn_risk_of_the_lost_profile_ends_with_it() -> None:
    life = Life()
    life.hear(scores(with_orders(0), 1), day(0))
    life.wait_until(day(35))
    told = life.hear(redirect(2, SURVIVOR), day(35))
    assert alert_states(told) == [("churn_risk", "cleared")]
    assert life.alerts[-1].cause.type == "merge"


def test_late_scores_of_a_lost_profile_are_refused_however_late() -> None:
    lost, late = merged(with_orders(0)), scores(with_orders(0, 0.1), micros(day(0.25)))
    assert lost.hear(late, day(0.3)) == []
    assert lost.state is not None
    assert lost.state.due_us == lost.state.merged_us + TOMBSTONE_US
    assert settle(lost, None, after_us=TOMBSTONE_US) == []
    assert lost.state.due_us == 0
    assert lost.hear(late, day(300)) == []


def test_a_redirect_of_a_profile_nobody_knew_is_remembered() -> None:
    life = Life()
    assert life.hear(redirect(5, SURVIVOR), day(0)) == []
    assert life.hear(scores(with_orders(0), 4), day(0)) == []
    assert life.state is not None
    assert life.state.merged_into == SURVIVOR.bytes


def test_a_redirect_that_is_told_twice_keeps_its_time() -> None:
    lost = merged(VALUED)
    first = lost.state
    assert first is not None
    lost.hear(redirect(micros(day(0.3)) + 1, UUID(int=3)), day(0.3001))
    assert lost.state is not None
    assert lost.state.merged_us == first.merged_us
    assert lost.state.alerts == first.alerts
    assert lost.state.merged_into == UUID(int=3).bytes


def test_a_complaint_that_leaves_with_a_part_is_not_cleared_here() -> None:
    joined = surviving(replace(VALUED, orders=(day(0.1),)), at=0.3)
    parted = Life()
    told = joined.hear(scores(Known(orders=(day(0.1),)), micros(day(0.4)), who=SURVIVOR), day(0.4))
    parted.hear(scores(VALUED, micros(day(0.4))), day(0.4))
    assert told == []
    assert joined.state is not None
    assert [(alert.open, alert.left) for alert in joined.state.alerts] == [(False, True)]
    assert [alert.event_id for alert in parted.alerts] == [
        alert.event_id for alert in joined.alerts
    ]


@pytest.mark.parametrize("rests", [False, True])
def test_who_comes_back_is_told_of_under_other_ids(rests: bool) -> None:
    life = Life()
    life.hear(scores(with_orders(0), 1), day(35))
    life.hear(redirect(2, SURVIVOR), day(35.1))
    if rests:
        settle(life, None, after_us=TOMBSTONE_US + micros(day(36)) - micros(day(0)))
    life.hear(scores(with_orders(0), 3), day(35.2))
    assert alert_states(life.events) == [("churn_risk", state) for state in CLOSED_AND_NEW]
    assert stages(life.events) == [Stage.NEW, Stage.NEW]
    ids = [event.event_id for event in life.events]
    assert len(set(ids)) == len(ids)


def test_a_complaint_that_comes_back_before_it_was_handed_over_is_not_told_again() -> None:
    lost = merged(VALUED)
    assert lost.hear(scores(VALUED, micros(day(0.3)) + 1), day(0.3))[1:] == []
    assert lost.state is not None
    assert [alert.open for alert in lost.state.alerts] == [True]


def test_an_unmerge_brings_the_profile_back() -> None:
    lost = merged(with_orders(0))
    lost.hear(scores(with_orders(0), micros(day(0.4))), day(0.4))
    assert lost.stage is Stage.NEW
