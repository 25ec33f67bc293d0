"""A message that brings nothing but a newer version takes a short way: it must say the same."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import micros
from services.journey.domain import decide
from services.journey.domain.customer import State
from services.journey.domain.decide import Event, decide_customer
from services.journey.domain.holders import Holders
from tests.unit.journey_builders import RULES, WHO, Known, day, facts, scores
from tests.unit.test_journey_decide import Fact, learned, models

#: (fact, or None: a visit only; day it is decided on; whether time alone is asked instead)
Steps = list[tuple[Fact | None, float, bool]]

days = st.sampled_from([0.0, 1.0, 22.0, 45.0, 80.0, 300.0])
happened = st.tuples(st.sampled_from(["order", "complaint", "handled", "valued"]), days, st.just(1))
steps = st.lists(
    st.tuples(st.none() | happened, days, st.booleans()),
    min_size=3,
    max_size=12,
)
patiences = st.sampled_from([0.5, 1.0, 1.0, 1.0, 2.0])


def lived(
    steps: Steps, model: int, patience: float
) -> list[tuple[State | None, tuple[Event, ...]]]:
    """What each step decided, also where the clock of one goes back behind that of another."""
    known, state, told, holders = Known(model=model), None, [], Holders()
    for number, (fact, moment, by_time) in enumerate(steps):
        if fact is not None:
            known = replace(learned(known, fact), patience=patience if number % 3 else 1.0)
        message = None if by_time else facts(scores(known, micros(day(0)) + number + 1))
        state, events = decide_customer(WHO, state, message, micros(day(moment)), RULES, holders)
        told.append((state, events))
    return told


@settings(max_examples=400)
@given(steps, models, patiences)
def test_the_short_way_says_and_remembers_the_same(
    steps: Steps, model: int, patience: float
) -> None:
    short = lived(steps, model, patience)
    with patch.object(decide, "_only_newer", return_value=False):
        whole = lived(steps, model, patience)
    assert short == whole


@pytest.mark.parametrize("orders", [(), (0.0,), (0.0, 5.0)])
def test_a_visit_takes_the_short_way(orders: tuple[float, ...]) -> None:
    known = Known(orders=tuple(map(day, orders)))
    now_us = micros(day(6))
    state, _ = decide_customer(WHO, None, facts(scores(known, now_us)), now_us, RULES, Holders())
    with patch.object(decide, "_settled", side_effect=AssertionError("the long way")):
        after, told = decide_customer(
            WHO, state, facts(scores(known, now_us + 1)), now_us + 1, RULES, Holders()
        )
    assert state is not None
    assert after == state._replace(scores_version=now_us + 1, profile_version=now_us)
    assert told == ()
