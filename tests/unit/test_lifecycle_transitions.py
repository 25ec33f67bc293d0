"""Stages over time: each transition fires once, when it became true, for its own reason."""

from __future__ import annotations

from datetime import timedelta

from schemas.base import from_micros, micros
from schemas.lifecycle import Stage
from services.journey.domain.moments import moments_of
from tests.unit.journey_builders import (
    RULES,
    Known,
    Life,
    day,
    facts,
    scores,
    stages,
    with_orders,
)

POTENTIAL, NEW, GROWING = Stage.POTENTIAL, Stage.NEW, Stage.GROWING
MATURE, DORMANT, LOST = Stage.MATURE, Stage.DORMANT, Stage.LOST


def version_at(number: float) -> int:
    return micros(day(number))


def test_a_visitor_becomes_a_customer_and_grows() -> None:
    life = Life()
    life.hear(scores(Known(), version_at(0)), day(0))
    for count in range(1, 6):
        known = with_orders(*range(1, count + 1))
        life.hear(scores(known, version_at(count)), day(count))
    assert stages(life.events) == [POTENTIAL, NEW, GROWING, MATURE]
    assert [event.from_stage for event in life.transitions] == [None, POTENTIAL, NEW, GROWING]
    assert {event.cause.type for event in life.transitions} == {"event"}


def test_time_alone_makes_a_customer_dormant_and_lost_at_the_crossings() -> None:
    life = Life()
    known = with_orders(0)
    life.hear(scores(known, 1), day(0))
    moments = moments_of(facts(scores(known, 1)), RULES)
    life.wait_until(day(1000))
    dormant, lost = life.transitions[1:]
    assert (dormant.to_stage, lost.to_stage) == (DORMANT, LOST)
    assert (dormant.at, lost.at) == (from_micros(moments.dormant_us), from_micros(moments.lost_us))
    assert dormant.decided_at == dormant.at
    assert dormant.cause.type == lost.cause.type == "time"
    assert not dormant.historic
    assert life.state is not None
    assert life.state.due_us == 0


def test_a_message_after_the_crossing_says_the_same_as_the_clock() -> None:
    known = with_orders(0)
    by_clock, by_message = Life(), Life()
    by_clock.hear(scores(known, 1), day(0))
    by_clock.wait_until(day(39))
    by_message.hear(scores(known, 1), day(0))
    by_message.now_us = micros(day(39))  # the clock was late
    by_message._decide(facts(scores(known, 2)))
    assert by_message.stage is by_clock.stage is DORMANT
    first, second = by_clock.transitions[-1], by_message.transitions[-1]
    assert (first.event_id, first.at, first.cause) == (second.event_id, second.at, second.cause)


def test_of_several_thresholds_passed_at_once_only_the_last_is_told() -> None:
    life = Life()
    life.hear(scores(with_orders(0), 1), day(900))
    assert stages(life.events) == [LOST]
    assert life.transitions[0].historic
    assert life.transitions[0].cause.type == "time"


def test_an_order_after_silence_wins_the_customer_back() -> None:
    life = Life()
    life.hear(scores(with_orders(0), 1), day(0))
    life.wait_until(day(200))
    told = life.hear(scores(with_orders(0, 200), 2), day(200))
    assert stages(told) == [GROWING]
    back = life.transitions[-1]
    assert back.won_back
    assert back.from_stage is LOST
    assert back.at == day(200)


def test_every_silence_and_every_return_is_an_event_of_its_own() -> None:
    life = Life()
    for number, moment in enumerate((0, 300, 600, 900)):
        known = with_orders(*(0, 300, 600, 900)[: number + 1])
        life.hear(scores(known, number + 1), day(moment))
    life.wait_until(day(2000))
    assert stages(life.events) == [NEW, *[DORMANT, LOST, GROWING] * 3, DORMANT, LOST]
    assert len({event.event_id for event in life.transitions}) == len(life.transitions)
    assert sum(event.won_back for event in life.transitions) == 3


def test_the_next_piece_of_a_backfill_wins_nobody_back() -> None:
    life = Life()
    life.hear(scores(with_orders(0, 30, 60), 1), day(400))
    assert life.stage is LOST
    life.hear(scores(with_orders(*range(0, 400, 30)), 2), day(400))
    assert life.stage is MATURE
    assert not life.transitions[-1].won_back


def test_an_older_order_that_arrives_late_wins_nobody_back() -> None:
    life = Life()
    life.hear(scores(with_orders(100), 1), day(100))
    life.wait_until(day(138))
    assert life.stage is DORMANT
    life.hear(scores(with_orders(50, 100), 2), day(138))
    assert life.stage is GROWING
    assert not life.transitions[-1].won_back
    life.wait_until(day(500))
    assert stages(life.events) == [NEW, DORMANT, GROWING, DORMANT, LOST]
    assert len({event.event_id for event in life.transitions}) == 5


def test_a_new_model_does_not_move_a_customer_near_the_edge() -> None:
    """P(alive) is between 0.40 and 0.55 by the new model: dormant stays, active stays."""
    known = with_orders(0)
    patient = with_orders(0, model=2, patience=1.2)
    dormant, active = Life(), Life()
    dormant.hear(scores(known, 10), day(0))
    dormant.wait_until(day(38))
    dormant.hear(scores(patient, 20), day(39))
    active.hear(scores(patient, 20), day(39))
    assert (dormant.stage, active.stage) == (DORMANT, NEW)
    dormant.wait_until(day(500))
    assert stages(dormant.events) == [NEW, DORMANT, LOST]


def test_a_very_different_model_does_move_a_dormant_customer() -> None:
    life = Life()
    life.hear(scores(with_orders(0), 10), day(0))
    life.wait_until(day(38))
    life.hear(scores(with_orders(0, model=2, patience=9.0), 20), day(39))
    assert life.stage is NEW
    assert life.transitions[-1].cause.type == "model"
    assert not life.transitions[-1].won_back


def test_the_first_model_decides_anew() -> None:
    life = Life()
    life.hear(scores(with_orders(0, 1, model=0), 10), day(1))
    life.wait_until(day(6))
    assert life.stage is DORMANT
    life.hear(scores(with_orders(0, 1), 20), day(6))
    assert life.stage is GROWING
    assert life.transitions[-1].historic is False


def test_a_model_that_sees_an_old_silence_is_history() -> None:
    life = Life()
    life.hear(scores(with_orders(0, model=0), 10), day(0))
    life.hear(scores(with_orders(0), 20), day(100))
    assert life.stage is DORMANT
    assert life.transitions[-1].historic
    assert life.transitions[-1].cause.type == "model"


def test_orders_that_an_unmerge_takes_away_take_the_stage_back() -> None:
    life = Life()
    life.hear(scores(with_orders(0), 1), day(0))
    life.hear(scores(with_orders(0, 1), 2), day(1))
    life.hear(scores(with_orders(0), 3), day(2))
    assert stages(life.events) == [NEW, GROWING, NEW]
    life.hear(scores(Known(), 4), day(3))
    assert life.stage is POTENTIAL
    assert len({event.event_id for event in life.transitions}) == 4


def test_an_older_or_equal_version_says_nothing() -> None:
    life = Life()
    life.hear(scores(with_orders(0, 1), 5), day(1))
    before = life.state
    assert life.hear(scores(Known(), 4), day(1)) == []
    assert life.hear(scores(Known(), 5), day(1)) == []
    assert life.state == before


def test_history_is_older_than_the_workspaces_age_limit() -> None:
    fresh, old = Life(), Life()
    fresh.hear(scores(with_orders(0), 1), day(6.9))
    old.hear(scores(with_orders(0), 1), day(7.1))
    assert [fresh.transitions[0].historic, old.transitions[0].historic] == [False, True]


def test_an_order_dated_in_the_future_is_not_history() -> None:
    life = Life()
    life.hear(scores(with_orders(1), 1), day(1) - timedelta(hours=1))
    assert life.stage is NEW
    assert not life.transitions[0].historic
