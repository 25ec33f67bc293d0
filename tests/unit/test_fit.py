"""The fit reproduces the numbers published for the CDNOW sample, and is deterministic."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.base import micros
from schemas.model import Model
from services.scoring.domain.arrays import histories
from services.scoring.domain.clv import why_not_enough
from services.scoring.domain.fit import Publication, check_holdout, fit
from services.scoring.domain.fit_bg_nbd import fit_bg_nbd, log_likelihood
from services.scoring.domain.fit_gamma_gamma import fit_gamma_gamma
from services.scoring.domain.purchases import Purchases, as_of_day_us, by_day, facts_of
from tests.unit.scoring_builders import CALIBRATED_UNTIL, FITTED_AT, LAST_DAY, sample

PUBLICATION = Publication("demo", micros(FITTED_AT), FITTED_AT)


@pytest.fixture(scope="module")
def calibrated() -> Model:
    return fit(sample(), CALIBRATED_UNTIL, PUBLICATION)


def test_the_published_parameters_are_reproduced_to_the_last_digit(calibrated: Model) -> None:
    model = calibrated.bg_nbd
    assert model is not None
    assert [round(value, 3) for value in (model.r, model.alpha, model.a, model.b)] == [
        0.243, 4.414, 0.793, 2.426,
    ]  # fmt: skip
    assert round(model.log_likelihood, 2) == -9582.43
    money = calibrated.gamma_gamma
    assert money is not None
    assert [round(value, 2) for value in (money.p, money.q, money.gamma)] == [6.25, 3.74, 15.44]


def test_the_population_is_the_papers(calibrated: Model) -> None:
    population = calibrated.population
    assert (population.customers, population.repeat_customers) == (2357, 946)
    assert population.enough
    assert population.why_not is None
    facts = facts_of(sample().until(CALIBRATED_UNTIL))
    assert int((facts.purchase_days - 1).sum()) == 2457


def test_the_holdout_is_predicted_as_published(calibrated: Model) -> None:
    holdout = check_holdout(calibrated, sample(), CALIBRATED_UNTIL, LAST_DAY)
    assert holdout.days == 39 * 7
    assert holdout.predicted_orders == pytest.approx(1653.41, abs=0.005)
    assert holdout.actual_orders == 1882
    assert holdout.correlation == pytest.approx(0.6256, abs=5e-5)


def test_the_same_purchases_in_any_order_give_the_same_model(calibrated: Model) -> None:
    purchases = sample()
    order = np.random.default_rng(3).permutation(len(purchases.day))
    names = [f"{customer:05}" for customer in purchases.customer[order]]
    shuffled = by_day(names, purchases.day[order], purchases.amount[order])
    again = fit(shuffled, CALIBRATED_UNTIL, PUBLICATION)
    assert again.model_copy(update={"population": calibrated.population}) == calibrated


def test_no_neighbour_of_the_fitted_parameters_is_likelier(calibrated: Model) -> None:
    facts = facts_of(sample().until(CALIBRATED_UNTIL))
    customers = histories(facts, as_of_day_us(CALIBRATED_UNTIL, len(facts)))
    best = calibrated.bg_nbd
    assert best is not None
    found = np.array([best.r, best.alpha, best.a, best.b])
    for axis in range(4):
        for factor in (0.99, 1.01):
            near = found.copy()
            near[axis] *= factor
            assert log_likelihood(near, customers).sum() < best.log_likelihood


def test_everything_the_scores_need_is_in_the_model(calibrated: Model) -> None:
    assert len(calibrated.first_gap_days) == 21
    assert list(calibrated.first_gap_days) == sorted(calibrated.first_gap_days)
    assert calibrated.median_gap_days == calibrated.first_gap_days[10]
    assert calibrated.rfm is not None
    assert calibrated.high_value_from == calibrated.rfm.monetary[3]
    assert calibrated.future_value_median is not None
    assert calibrated.future_value_median > 0
    for boundaries in calibrated.rfm.model_dump().values():
        assert list(boundaries) == sorted(boundaries)


def test_yen_and_dollars_are_fitted_alike() -> None:
    facts = facts_of(sample().until(CALIBRATED_UNTIL))
    x = (facts.purchase_days - 1).astype(np.float64)
    mean = facts.repeat_revenue / np.maximum(x, 1)
    dollars, yen = fit_gamma_gamma(x, mean), fit_gamma_gamma(x, mean * 150)
    assert dollars is not None
    assert yen is not None
    assert yen.p == pytest.approx(dollars.p, rel=1e-4)
    assert yen.gamma == pytest.approx(dollars.gamma * 150, rel=1e-4)


def test_nobody_and_one_time_buyers_are_not_enough() -> None:
    nobody = Purchases(*(np.zeros(0, kind) for kind in (np.int64, np.int64, float, np.int64)))
    why_not = fit(nobody, LAST_DAY, PUBLICATION).population.why_not
    assert why_not == "0 customers with an order, 500 are needed"
    once = by_day(["a", "b"], np.array([LAST_DAY - 3, LAST_DAY]), np.array([5.0, 7.0]))
    model = fit(once, LAST_DAY, PUBLICATION)
    assert not model.population.enough
    assert model.gamma_gamma is None
    assert model.first_gap_days == ()


def test_a_population_without_dropout_is_still_fitted() -> None:
    weeks = np.arange(0, 50)
    names = [f"c{number}" for number in range(40) for _ in weeks]
    purchases = by_day(names, np.tile(weeks * 7, 40), np.full(len(names), 10.0))
    facts = facts_of(purchases)
    model = fit_bg_nbd(histories(facts, as_of_day_us(350, 40)))
    assert all(np.isfinite((model.r, model.alpha, model.a, model.b, model.log_likelihood)))


@pytest.mark.parametrize(
    ("population", "lacks"),
    [
        ((499, 365, 1, 5), "499 customers"),
        ((500, 179, 1, 5), "179 days of history"),
        ((500, 180, 31, 5), "31 days ago"),
        ((500, 180, 30, 0), "three days"),
    ],
)
def test_each_gate_says_what_is_missing(
    population: tuple[int, int, float, int], lacks: str
) -> None:
    assert lacks in (why_not_enough(*population) or "")
    assert why_not_enough(500, 180, 30, 1) is None
