"""Every customer has ranks 1 to 5 and exactly one segment."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.domain.arrays import Floats
from services.scoring.domain.rfm import (
    PROSPECTS,
    SEGMENTS,
    TABLE,
    boundaries_of,
    ranks,
    recency_ranks,
    segment_of,
    segments,
)

NAMED = {
    "champions", "loyal", "active", "new", "promising", "needs_attention", "at_risk",
    "previously_loyal", "almost_lost", "dormant", "prospects",
}  # fmt: skip
FIVE = range(1, 6)
amounts = st.lists(st.floats(0, 1e6), min_size=1, max_size=200).map(np.array)


def test_the_table_has_every_combination_exactly_once() -> None:
    assert sorted(TABLE) == [(r, f) for r in FIVE for f in FIVE]
    assert all(len(line) == 5 and set(line) <= set(SEGMENTS) for line in TABLE.values())


def test_every_named_segment_is_used() -> None:
    used = {segment_of(*combination) for combination in product(FIVE, FIVE, FIVE)}
    assert used | {PROSPECTS} == NAMED


def test_columns_are_named_like_single_combinations() -> None:
    combinations = np.array(list(product(FIVE, FIVE, FIVE)))
    everybody = np.ones(125, bool)
    recency, frequency, monetary = combinations.T
    named = segments(recency, frequency, monetary, everybody)
    assert named == [segment_of(*combination) for combination in combinations.tolist()]
    assert segments(recency, frequency, monetary, ~everybody) == [PROSPECTS] * 125


@given(amounts, st.floats(-1e9, 1e9))
def test_any_value_has_a_rank(population: Floats, value: float) -> None:
    boundaries = boundaries_of(population, population, population)
    assert 1 <= ranks(boundaries.monetary, np.array([value]))[0] <= 5
    assert 1 <= recency_ranks(boundaries, np.array([value]))[0] <= 5


@given(amounts, st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_never_ranks_lower_and_later_never_higher(
    population: Floats, first: float, second: float
) -> None:
    boundaries = boundaries_of(population, population, population)
    pair = np.array(sorted((first, second)))
    low, high = ranks(boundaries.monetary, pair)
    recent, stale = recency_ranks(boundaries, pair)
    assert low <= high
    assert stale <= recent


def test_quintiles_hold_a_fifth_each() -> None:
    population = np.arange(1.0, 101.0)
    boundaries = boundaries_of(population, population, population)
    counts = np.bincount(ranks(boundaries.frequency, population))[1:]
    assert counts.tolist() == [20] * 5
