"""Whatever order, number and batching the messages come in: the same stage, the same alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import derived_id, micros
from schemas.lifecycle import LifecycleChanged, Stage
from schemas.scores import Scores
from services.journey.domain.customer import State
from services.journey.domain.subjects import cause_of_subject
from tests.reference.journeys import (
    ExpectedAlert,
    newest_of,
    open_alerts_of_final,
    stage_of_final,
)
from tests.unit.journey_builders import (
    WHO,
    WORKSPACE,
    Known,
    Life,
    day,
    scores,
    stages,
    with_orders,
)

Fact = tuple[str, float, int]

moments = st.floats(0, 400).map(lambda number: round(number, 3))
happenings: st.SearchStrategy[Fact] = st.one_of(
    st.tuples(st.just("order"), moments, st.just(0)),
    st.tuples(st.just("complaint"), moments, st.integers(1, 4)),
    st.tuples(st.just("handled"), moments, st.integers(0, 5)),
    st.tuples(st.just("valued"), moments, st.integers(0, 1)),
    st.tuples(st.just("refused"), moments, st.integers(0, 2)),
    st.tuples(st.just("settled"), moments, st.just(0)),
)
histories = st.lists(happenings, min_size=1, max_size=14)
models = st.sampled_from([0, 1])


def learned(known: Known, fact: Fact) -> Known:
    """A fold that forgets in which order things arrived, as the profile's does."""
    kind, moment, detail = fact
    if kind == "order":
        return replace(known, orders=tuple(sorted({*known.orders, day(moment)})))
    if kind == "complaint":
        entry = (f"C-{moment}-{detail}", day(moment), detail)
        return replace(known, complaints=tuple(sorted({*known.complaints, entry})))
    if kind == "handled":
        return replace(known, handled=known.handled | {entry[0] for entry in known.complaints[:1]})
    if kind == "refused":
        refused = (f"L-{moment}", day(moment), ("limit", "public_key", "hub")[detail])
        return replace(known, refused=tuple(sorted({*known.refused, refused})))
    if kind == "settled":
        return replace(known, refused=known.refused[1:])
    return replace(known, high_value=bool(detail))


def messages(history: list[Fact], model: int) -> list[tuple[Scores, datetime]]:
    """One message for each fact, at its own time, as in a live system."""
    known, told = Known(model=model), []
    for number, fact in enumerate(sorted(history, key=lambda one: one[1])):
        known = learned(known, fact)
        moment = day(fact[1])
        told.append((scores(known, micros(moment) + number + 1), moment))
    return told


def open_now(state: State | None) -> frozenset[ExpectedAlert]:
    assert state is not None
    return frozenset(
        ExpectedAlert(alert.kind, WHO, cause_of_subject(alert.kind, alert.subject))
        for alert in state.alerts
        if alert.open
    )


def agrees(life: Life, told: list[tuple[Scores, datetime]], now: datetime) -> None:
    """The life ended as the reference says."""
    final = newest_of([message for message, _ in told])[WHO]
    assert life.stage is stage_of_final(final, now, WORKSPACE)
    assert open_now(life.state) == open_alerts_of_final(final, now, WORKSPACE)


@given(histories, models, st.floats(400, 1500))
@settings(max_examples=100, deadline=None)
def test_a_life_lived_through_ends_as_its_last_scores_say(
    history: list[Fact], model: int, end: float
) -> None:
    told, life = messages(history, model), Life()
    for message, moment in told:
        life.hear(message, moment)
    life.wait_until(day(end))
    agrees(life, told, day(end))


@given(histories, models, st.randoms(use_true_random=False), st.floats(400, 1500))
@settings(max_examples=100, deadline=None)
def test_shuffling_doubling_and_skipping_messages_changes_nothing(
    history: list[Fact], model: int, dice: Random, end: float
) -> None:
    told = messages(history, model)
    arrivals = dice.sample(told, len(told)) + dice.choices(told, k=3)
    arrivals = [one for one in arrivals if dice.random() < 0.7] + [told[-1]]
    dice.shuffle(arrivals)
    life, now = Life(), 400.0
    for message, _ in arrivals:
        now += dice.choice([0, 0, 1, 30])
        life.hear(message, day(now))
    now = max(now, end)
    life.wait_until(day(now))
    agrees(life, told, day(now))


@given(histories, models, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_shuffled_facts_end_in_the_same_stage_and_alerts(
    history: list[Fact], model: int, dice: Random
) -> None:
    facts = [fact for fact in history if fact[0] in ("order", "complaint")]
    ends = []
    for _ in range(2):
        dice.shuffle(facts)
        life, known, now = Life(), Known(model=model, high_value=True), 400.0
        for number, fact in enumerate(facts):
            known = learned(known, fact)
            now += dice.choice([0, 5, 20])
            life.hear(scores(known, number + 1), day(now))
        life.hear(scores(known, 100), day(900))
        ends.append((life.stage, open_now(life.state)))
    assert ends[0] == ends[1]


@given(histories, models, st.floats(400, 1500))
@settings(max_examples=100, deadline=None)
def test_every_effect_fires_once_and_in_a_chain(
    history: list[Fact], model: int, end: float
) -> None:
    life = Life()
    for message, moment in messages(history, model):
        life.hear(message, moment)
    life.wait_until(day(end))
    ids = [event.event_id for event in life.events]
    assert len(set(ids)) == len(ids)
    chain: list[LifecycleChanged] = life.transitions
    assert [event.from_stage for event in chain] == [None, *(e.to_stage for e in chain[:-1])]
    assert all(event.from_stage is not event.to_stage for event in chain)
    raised = [alert.alert_id for alert in life.alerts if alert.state == "raised"]
    cleared = [alert.alert_id for alert in life.alerts if alert.state == "cleared"]
    assert len(set(raised)) == len(raised)
    assert len(set(cleared)) == len(cleared)
    assert set(cleared) <= set(raised)


@given(
    st.lists(st.sampled_from([100, 200, 300, 590, 610]), min_size=3, max_size=10),
    st.lists(st.sampled_from([0, 0, 0, 1, 300]), min_size=10, max_size=10),
    models,
)
@settings(max_examples=500, deadline=None)
def test_no_effect_is_named_as_another_whatever_orders_come_late_or_go(
    changed: list[int], pauses: list[float], model: int
) -> None:
    """Each day's order comes and goes in turn: refunds, parts of people who turn out to be two."""
    life, now, orders = Life(), 600.0, set[float]()
    for number, order in enumerate(changed):
        now += pauses[number]
        orders ^= {order}
        life.hear(scores(with_orders(*sorted(orders), model=model), number + 1), day(now))
    life.wait_until(day(9000))
    ids = [event.event_id for event in life.events]
    assert len(set(ids)) == len(ids)


def test_a_silence_that_a_late_order_undid_ends_under_another_id() -> None:
    """As `make faults` found it: undone by a late order, there again by another, ended by a new."""
    life = Life()
    for number, orders in enumerate([[300], [100, 300], [100, 200, 300], [100, 200, 300, 590]]):
        life.hear(scores(with_orders(*orders, model=0), number + 1), day(600))
    assert stages(life.events) == [Stage.DORMANT, Stage.GROWING, Stage.DORMANT, Stage.GROWING]
    assert len({event.event_id for event in life.transitions}) == 4


@given(histories, models)
@settings(max_examples=100, deadline=None)
def test_a_due_moment_always_changes_something_and_they_come_to_an_end(
    history: list[Fact], model: int
) -> None:
    life = Life()
    for message, _ in messages(history, model):
        life.hear(message, day(400))
    for _ in range(50):
        assert life.state is not None
        if life.state.due_us == 0:
            return
        assert life.state.due_us > life.now_us
        life.now_us = life.state.due_us
        assert life._decide(None)
    raise AssertionError("time never stops changing this customer")


@given(histories, models, st.floats(0, 600))
@settings(max_examples=100, deadline=None)
def test_deciding_again_says_nothing_new(history: list[Fact], model: int, at: float) -> None:
    life = Life()
    for message, _ in messages(history, model):
        life.hear(message, day(400 + at))
    assert life._decide(None) == []


def test_the_reference_knows_who_is_gone() -> None:
    merged = scores(Known(), 1).model_copy(update={"merged_into": derived_id("x"), "version": 2})
    assert newest_of([scores(Known(), 1), merged]) == {}
