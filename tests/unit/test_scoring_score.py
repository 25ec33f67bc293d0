"""Scores are a pure function of (snapshot, model, as-of time), row by row, each with reasons."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scoring.domain.arrays import DAY_US, SnapshotFacts, histories
from services.scoring.domain.bg_nbd import alive_probability
from services.scoring.domain.purchases import facts_of
from services.scoring.domain.reasons import reasons_of
from services.scoring.domain.score import FAR_US, NEVER, NO_MODEL, ScoreBatch, score_batch
from tests.unit.scoring_builders import (
    LAST_DAY,
    CustomerRow,
    as_of,
    customers,
    facts_on,
    sample,
    sample_model,
)

THRESHOLDS = (0.55, 0.5, 0.4, 0.2, 0.1)
LOYAL = (6, LAST_DAY - 400, LAST_DAY - 30, 300.0)
ONCE = (1, LAST_DAY - 100, LAST_DAY - 100, 20.0)
VISITOR = (0, 0, 0, 0.0)


def scored(facts: SnapshotFacts, day: int = LAST_DAY + 1) -> ScoreBatch:
    return score_batch(facts, sample_model(), as_of(len(facts), day), THRESHOLDS)


def told(facts: SnapshotFacts) -> list[tuple[object, ...]]:
    """Everything that is said of each row, comparable to the last bit."""
    batch = scored(facts)
    assert batch.rfm is not None
    assert batch.churn is not None
    assert batch.clv is not None
    return list(
        zip(
            batch.rfm.segment,
            batch.churn.p_alive.tolist(),
            map(tuple, batch.churn.alive_below_us.tolist()),
            batch.clv.predicted.tolist(),
            batch.clv.orders_12m.tolist(),
            batch.clv.orders_30d.tolist(),
            batch.clv.next_order_us.tolist(),
            batch.clv.value_segment,
            batch.high_value.tolist(),
            map(repr, reasons_of(batch, facts, sample_model())),
            strict=True,
        )
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(customers(), min_size=1, max_size=12), st.randoms())
def test_scores_depend_on_neither_order_nor_split_of_the_batch(
    rows: list[CustomerRow], dice: Random
) -> None:
    together = told(facts_on(*rows))
    order = dice.sample(range(len(rows)), k=len(rows))
    assert told(facts_on(*(rows[i] for i in order))) == [together[i] for i in order]
    assert [told(facts_on(row))[0] for row in rows] == together


@settings(max_examples=80, deadline=None)
@given(customers().filter(lambda row: row[0] > 0), st.integers(0, 4))
def test_p_alive_is_the_threshold_at_its_crossing(row: CustomerRow, which: int) -> None:
    facts = facts_on(row)
    churn = scored(facts).churn
    assert churn is not None
    crossing = churn.alive_below_us[:, which]
    if crossing[0] == FAR_US:
        return
    moments = np.maximum(crossing, row[2] * DAY_US)
    at_crossing = score_batch(facts, sample_model(), moments, THRESHOLDS).churn
    assert at_crossing is not None
    if crossing[0] > row[2] * DAY_US:
        assert at_crossing.p_alive[0] == pytest.approx(THRESHOLDS[which], abs=1e-6)
    else:
        assert at_crossing.p_alive[0] <= THRESHOLDS[which] + 1e-6


@settings(max_examples=80, deadline=None)
@given(customers().filter(lambda row: row[0] > 0), st.integers(0, 700))
def test_silence_only_lowers_p_alive_and_crossings_come_in_order(
    row: CustomerRow, days: int
) -> None:
    facts = facts_on(row)
    now, later = scored(facts).churn, scored(facts, LAST_DAY + 1 + days).churn
    assert now is not None
    assert later is not None
    assert 0 < later.p_alive[0] <= now.p_alive[0] <= 1
    assert (np.diff(now.alive_below_us[0]) >= 0).all()
    assert (now.alive_below_us == later.alive_below_us).all()


def test_repeat_buyers_are_judged_by_bg_nbd_and_one_time_buyers_by_their_silence() -> None:
    facts = facts_on(LOYAL, ONCE)
    churn = scored(facts).churn
    assert churn is not None
    assert churn.one_time.tolist() == [False, True]
    model = sample_model()
    assert model.bg_nbd is not None
    alive = alive_probability(model.bg_nbd, histories(facts, as_of(2)))
    assert churn.p_alive[0] == alive[0]
    gaps = model.first_gap_days
    before = sum(gap < 101 for gap in gaps) - 1
    assert 1 - (before + 1) / 20 <= churn.p_alive[1] <= 1 - before / 20 + 1e-3


def test_nothing_is_guessed_without_a_model() -> None:
    batch = score_batch(facts_on(LOYAL), None, as_of(1), THRESHOLDS)
    assert (batch.rfm, batch.churn, batch.clv) == (None, None, None)
    assert batch.missing == {"rfm": NO_MODEL, "churn": NO_MODEL, "clv": NO_MODEL}
    assert batch.average_gap_days[0] == 74
    assert not batch.high_value[0]


def test_a_population_below_a_gate_has_ranks_but_no_prediction() -> None:
    model = sample_model()
    small = model.population.model_copy(update={"enough": False, "why_not": "12 customers"})
    batch = score_batch(
        facts_on(LOYAL), model.model_copy(update={"population": small}), as_of(1), THRESHOLDS
    )
    assert batch.rfm is not None
    assert (batch.churn, batch.clv) == (None, None)
    assert batch.missing["clv"] == "not enough data: 12 customers"


def test_order_values_without_a_mean_leave_churn_and_take_clv() -> None:
    model = sample_model()
    assert model.gamma_gamma is not None
    heavy = model.model_copy(
        update={"gamma_gamma": model.gamma_gamma.model_copy(update={"q": 0.5})}
    )
    batch = score_batch(facts_on(LOYAL), heavy, as_of(1), THRESHOLDS)
    assert batch.churn is not None
    assert "no" not in batch.missing.get("churn", "")
    assert "q <= 1" in batch.missing["clv"]


def test_a_visitor_is_a_prospect() -> None:
    batch = scored(facts_on(VISITOR, LOYAL))
    assert batch.rfm is not None
    assert batch.customers.tolist() == [False, True]
    assert batch.rfm.segment[0] == "prospects"


def test_the_next_order_comes_later_than_now_and_within_a_year_or_never() -> None:
    facts = facts_of(sample())
    batch = scored(facts)
    assert batch.clv is not None
    now = as_of(1)[0]
    expected = batch.clv.next_order_us[batch.clv.next_order_us != NEVER]
    assert 0 < len(expected) < len(facts)
    assert (expected >= now).all()
    assert (expected <= now + 365 * DAY_US).all()


def test_a_fifth_of_the_population_is_of_high_value() -> None:
    batch = scored(facts_of(sample()))
    assert 0.19 < batch.high_value.mean() < 0.21


def test_every_score_of_a_customer_has_its_reasons() -> None:
    facts = facts_on(LOYAL, ONCE, VISITOR)
    loyal, once, visitor = reasons_of(scored(facts), facts, sample_model())
    assert set(loyal) == {"rfm", "churn", "clv", "value_segment"}
    assert all(loyal.values())
    assert len(once["churn"]) == 1
    assert "days without an order" in once["churn"][0]
    assert visitor == {}


def test_the_first_reason_moved_the_score_most() -> None:
    late = (6, LAST_DAY - 500, LAST_DAY - 400, 300.0)
    facts = facts_on(late)
    reasons = reasons_of(scored(facts), facts, sample_model())[0]["churn"]
    effects = [float(text.rsplit(" ", 1)[1]) for text in reasons]
    assert abs(effects[0]) >= abs(effects[1])
