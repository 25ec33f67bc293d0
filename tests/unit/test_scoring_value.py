"""Order value, lifetime value, the value matrix, and the survival of one-time buyers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from schemas.model import GammaGamma
from services.scoring.domain.bg_nbd import orders_expected
from services.scoring.domain.clv import (
    average_gap_days,
    mean_repeat_value,
    median_weeks_to_order,
    predict,
)
from services.scoring.domain.first_gap import days_until, quantiles_of, survival
from services.scoring.domain.gamma_gamma import order_value_expected
from services.scoring.domain.value_matrix import value_segments
from tests.unit.scoring_builders import PAPER, facts_on, history

MONEY = GammaGamma(p=6.25, q=3.74, gamma=15.44)
GAPS = tuple(float(value) for value in np.linspace(1, 201, 21))


@pytest.mark.parametrize(("x", "mean"), [(1, 23.5), (2, 22.35), (7, 73.74), (11, 33.15)])
def test_order_value_is_the_posterior_mean(x: float, mean: float) -> None:
    """Spend z_i is Gamma(p, v) with v Gamma(q, gamma): the mean p/v over the posterior of v."""

    def posterior(v: float) -> float:
        shape = MONEY.p * x + MONEY.q - 1
        return float(np.exp(shape * np.log(v) - v * (MONEY.gamma + x * mean)))

    scale = (MONEY.p * x + MONEY.q) / (MONEY.gamma + x * mean)
    mass = quad(posterior, 0, 20 * scale, epsabs=0, epsrel=1e-13, limit=300)[0]
    value = quad(lambda v: posterior(v) * MONEY.p / v, 0, 20 * scale, epsabs=0, epsrel=1e-13)[0]
    found = order_value_expected(MONEY, np.array([float(x)]), np.array([mean]))[0]
    assert found == pytest.approx(value / mass, rel=1e-9)


def test_who_has_no_repeat_purchase_gets_the_population_mean() -> None:
    mean = MONEY.p * MONEY.gamma / (MONEY.q - 1)
    found = order_value_expected(MONEY, np.array([0.0, 3.0, 2.0]), np.array([0.0, 0.0, -4.0]))
    assert found == pytest.approx([mean] * 3)


def test_a_mean_that_does_not_exist_is_not_guessed() -> None:
    heavy = MONEY.model_copy(update={"q": 0.9})
    found = order_value_expected(heavy, np.array([0.0, 3.0]), np.array([0.0, 10.0]))
    assert np.isnan(found[0])
    assert found[1] > 0


def test_the_prediction_is_orders_times_value_discounted_by_month() -> None:
    customer, mean = history(4, 30, 38), np.array([25.0])
    coming = predict(PAPER, MONEY, customer, mean)
    year = orders_expected(PAPER, customer, 365 / 7)[0]
    assert coming.orders()[0] == pytest.approx(year, rel=1e-12)
    value = order_value_expected(MONEY, customer.x, mean)[0]
    assert coming.value(0.0)[0] == pytest.approx(year * value, rel=1e-12)
    ends = [orders_expected(PAPER, customer, month * 365 / 84)[0] for month in range(13)]
    by_hand = sum(
        (ends[month] - ends[month - 1]) / 1.1 ** (month / 12) * value for month in range(1, 13)
    )
    assert coming.value(0.1)[0] == pytest.approx(by_hand, rel=1e-12)


def test_a_living_customer_orders_within_the_median_as_likely_as_not() -> None:
    customer = history(4, 30, 38)
    weeks = median_weeks_to_order(PAPER, customer)[0]
    silent = ((PAPER.alpha + 38) / (PAPER.alpha + 38 + weeks)) ** (PAPER.r + 4)
    assert silent == pytest.approx(0.5, rel=1e-12)


def test_gaps_and_repeat_value_need_two_purchase_days() -> None:
    facts = facts_on((1, 100, 100, 20.0), (3, 100, 130, 60.0), (0, 0, 0, 0.0))
    assert mean_repeat_value(facts).tolist() == [0, 20, 0]
    assert average_gap_days(facts).tolist() == pytest.approx([np.nan, 15, np.nan], nan_ok=True)


def test_the_value_matrix_has_four_quadrants() -> None:
    present, future = np.array([9.0, 1, 9, 1, 5]), np.array([9.0, 9, 1, 1, 5])
    assert value_segments(present, future, 5, 5) == [
        "high_value", "potential", "long_tail", "low_value", "low_value",
    ]  # fmt: skip


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60), st.floats(0, 600), st.floats(0, 600))
def test_first_gap_survival_is_a_probability_that_falls(
    gaps: list[int], first: float, second: float
) -> None:
    quantiles = quantiles_of(np.array(gaps, float))
    early, late = sorted((first, second))
    now, later = survival(quantiles, len(gaps), np.array([early, late]))
    assert 0 < later <= now <= 1


@settings(max_examples=100)
@given(st.lists(st.integers(1, 500), min_size=2, max_size=60), st.floats(0.05, 0.99))
def test_first_gap_survival_at_its_crossing_is_the_threshold(gaps: list[int], share: float) -> None:
    quantiles = quantiles_of(np.array(gaps, float))
    days = days_until(quantiles, len(gaps), np.array([share]))
    if np.isinf(days[0]):
        assert survival(quantiles, len(gaps), np.array([1e9]))[0] > share
    elif days[0] > quantiles[0]:
        assert survival(quantiles, len(gaps), days)[0] == pytest.approx(share, abs=1e-6)


def test_half_of_the_gaps_survive_the_median() -> None:
    assert survival(GAPS, 10**9, np.array([0.0, 101.0])) == pytest.approx([1, 0.5])
    assert days_until(GAPS, 10**9, np.array([0.5])) == pytest.approx([101])
    assert days_until(GAPS, 99, np.array([0.001]))[0] == np.inf
