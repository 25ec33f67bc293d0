"""A history is brought in: nobody is told of it, everybody of what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.action import ActionRequested
from schemas.lifecycle import LifecycleChanged, Stage
from services.journey.domain.decide import Event
from tests.unit.journey_builders import DAY, Known, Life, alert_states, day, scores, with_orders

HOUR = timedelta(hours=1)
#: All that is brought in is old news by then; many silences have just broken off.
BROUGHT_IN = day(208)

pieces = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.floats(150, 200), st.just(0)),
        st.tuples(st.just("complaint"), st.floats(150, 200), st.integers(1, 4)),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)


def with_piece(known: Known, piece: tuple[str, float, int]) -> Known:
    """One more touchpoint is known, and when the newest of them happened."""
    kind, number, severity = piece
    seen = max(day(number), known.last_seen or day(number))
    if kind == "order":
        return replace(known, last_seen=seen, orders=tuple(sorted({*known.orders, day(number)})))
    entry = (f"C-{number}", day(number), severity)
    return replace(known, last_seen=seen, complaints=tuple(sorted({*known.complaints, entry})))


def sent(events: Sequence[Event]) -> list[tuple[object, ...]]:
    """What somebody is told of, without the ids (they may name the way by which it was learned)."""
    said: list[tuple[object, ...]] = []
    for event in events:
        if event.historic:
            continue
        if isinstance(event, LifecycleChanged):
            said.append((event.to_stage, event.from_stage, event.at, event.decided_at))
        elif isinstance(event, ActionRequested):
            said.append((event.action, event.requested_at))
        else:
            said.append((event.kind, event.state, event.at))
    return sorted(said, key=str)


def lost_since(number: float) -> Known:
    """Somebody who is lost, by their only order, since so many days after the start."""
    life = Life()
    life.hear(scores(with_orders(0), 1), day(0))
    life.wait_until(day(1000))
    assert life.state is not None
    lost = life.transitions[-1]
    assert lost.to_stage is Stage.LOST
    return with_orders((day(number) - lost.at) / DAY)


def test_old_news_of_a_silence_that_broke_off_yesterday_are_recorded_only() -> None:
    life = Life()
    order = lost_since(99).orders[0]
    life.hear(scores(Known(orders=(order,), last_seen=order), 1), day(100))
    assert life.stage is Stage.LOST
    assert life.transitions[0].at == day(99)
    assert [event.historic for event in life.events] == [True] * len(life.events)
    assert ("churn_risk", "raised") in alert_states(life.events)


def test_who_was_seen_lately_is_told_of() -> None:
    life = Life()
    life.hear(scores(replace(lost_since(99), last_seen=day(94)), 1), day(100))
    assert not life.transitions[0].historic


def test_a_new_model_is_news_of_customers_that_nothing_was_heard_of() -> None:
    life = Life()
    known = replace(lost_since(99), last_seen=day(0))
    life.hear(scores(replace(known, patience=9.0), 10), day(100))
    life.hear(scores(replace(known, model=2), 11), day(100) + HOUR)
    assert life.stage is Stage.LOST
    assert [one.historic for one in life.transitions] == [True, False]


def test_what_falls_due_after_the_import_is_sent() -> None:
    life = Life()
    known = lost_since(101)
    life.hear(scores(replace(known, last_seen=known.orders[0]), 1), day(100))
    life.wait_until(day(102))
    assert [one.historic for one in life.transitions] == [True, False]


@given(pieces, st.randoms(use_true_random=False), st.booleans())
def test_in_whatever_pieces_a_history_comes_the_same_is_sent(history, dice, high_value) -> None:  # type: ignore[no-untyped-def]
    """Nothing while it comes in; the same by the first model, by time, and by what happens next."""
    told = []
    for order in (sorted(history), dice.sample(history, len(history))):
        life, known = Life(), Known(model=0, high_value=high_value)
        for number, piece in enumerate(order, start=1):
            known = with_piece(known, piece)
            if number == len(order) or dice.random() < 0.7:
                life.hear(scores(known, number), BROUGHT_IN)
        assert sent(life.events) == []
        before = len(life.events)
        life.wait_until(BROUGHT_IN + DAY)
        modelled = replace(known, model=1)
        life.hear(scores(modelled, len(order) + 1), BROUGHT_IN + DAY)
        bought = replace(modelled, last_seen=day(215), orders=(*modelled.orders, day(215)))
        life.hear(scores(bought, 30), day(215) + HOUR)
        life.wait_until(day(1000))
        told.append((life.stage, sent(life.events[before:])))
    assert told[0] == told[1]
