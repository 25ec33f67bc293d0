"""BG/NBD agrees with a direct integration over what is not known of a customer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1, roots_jacobi

from schemas.model import BgNbd
from services.scoring.domain.arrays import Floats, Histories
from services.scoring.domain.bg_nbd import (
    alive_probability,
    alive_until,
    orders_expected,
    orders_if_alive,
)
from tests.unit.scoring_builders import PAPER, histories, history, parameters

CASES = [
    (0, 0.0, 38.86),
    (1, 1.71, 38.86),
    (2, 30.43, 38.86),
    (7, 29.43, 38.86),
    (26, 30.86, 31.0),
    (3, 0.43, 39.0),
    (0, 0.0, 0.0),
    (80, 100.0, 101.0),
]


horizons = st.floats(0.5, 104)


def over_dropout(power_p: float, power_q: float) -> tuple[Floats, Floats]:
    """Nodes p and weights that integrate p^power_p (1-p)^power_q f(p) over [0, 1].

    More nodes are less exact: the one next to 0 loses its digits.
    """
    nodes, weights = roots_jacobi(120, power_q, power_p)
    return (1 + nodes) / 2, weights / 2 ** (power_p + power_q + 1)


def integrated(model: BgNbd, customer: Histories, weeks: float) -> tuple[float, float]:
    """(P(alive), expected orders) without any closed form: the prior of the dropout chance p,
    Beta(a, b), is integrated numerically, the Gamma prior of the rate exactly for each p.

    Who lives has the likelihood rate^x (1-p)^x e^(-rate T); who left after the last order has
    rate^x p (1-p)^(x-1) e^(-rate t_x). Who lives orders (1 - e^(-rate p t)) / p times in t.
    """
    x, t_x, observed = customer.x[0], customer.t_x[0], customer.observed[0]
    shape = model.r + x
    silent = ((model.alpha + t_x) / (model.alpha + observed)) ** shape
    p, weight = over_dropout(model.a - 1, model.b + x - 1)
    lives = silent * weight.sum()
    left = over_dropout(model.a, model.b + x - 2)[1].sum() if x > 0 else 0.0
    orders = -np.expm1(-shape * np.log1p(p * weeks / (model.alpha + observed))) / p
    total = lives + left
    return float(lives / total), float(silent * (weight @ orders) / total)


@pytest.mark.parametrize(("x", "t_x", "observed"), CASES)
@pytest.mark.parametrize("weeks", [0.1, 4.3, 39.0, 52.14])
def test_scores_agree_with_direct_integration_to_1e_9(
    x: float, t_x: float, observed: float, weeks: float
) -> None:
    customer = history(x, t_x, observed)
    alive, orders = integrated(PAPER, customer, weeks)
    assert alive_probability(PAPER, customer)[0] == pytest.approx(alive, rel=1e-9)
    assert orders_expected(PAPER, customer, weeks)[0] == pytest.approx(orders, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(parameters.filter(lambda model: model.a > 0.2 and model.alpha > 2), histories(), horizons)
def test_any_model_and_customer_agree_with_direct_integration(
    model: BgNbd, customer: Histories, weeks: float
) -> None:
    alive, orders = integrated(model, customer, weeks)
    assert alive_probability(model, customer)[0] == pytest.approx(alive, rel=1e-8, abs=1e-12)
    found = orders_expected(model, customer, weeks)[0]
    assert found == pytest.approx(orders, rel=1e-9, abs=1e-9)


def published(model: BgNbd, customers: Histories, weeks: float) -> Floats:
    """The numerator of equation 10 as it is printed."""
    x, start = customers.x, model.alpha + customers.observed
    level = model.a + model.b + x - 1
    series = hyp2f1(model.r + x, model.b + x, level, weeks / (start + weeks))
    living: Floats = 1 - (start / (start + weeks)) ** (model.r + x) * series
    return level / (model.a - 1) * living


@pytest.mark.parametrize("weeks", [4.3, 39.0, 520.0])
def test_expected_orders_are_the_published_formula(weeks: float) -> None:
    x = np.array([0.0, 1.0, 4.0, 20.0])
    customers = Histories(x, x * 1.5, np.full(4, 38.86))
    expected = published(PAPER, customers, weeks)
    assert orders_if_alive(PAPER, customers, weeks) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("a", [1 - 1e-9, 1.0, 1 + 1e-9])
def test_a_dropout_parameter_of_one_is_no_special_case(a: float) -> None:
    model = PAPER.model_copy(update={"a": a})
    orders = integrated(model, history(3, 20, 30), 39)[1]
    assert orders_expected(model, history(3, 20, 30), 39.0)[0] == pytest.approx(orders, rel=1e-9)


def test_a_and_b_that_sum_to_one_are_no_special_case() -> None:
    model = PAPER.model_copy(update={"a": 0.4, "b": 0.6})
    nearly = model.model_copy(update={"b": 0.6 + 1e-12})  # scipy's nodes divide by a + b - 1
    orders = integrated(nearly, history(0, 0, 30), 39)[1]
    assert orders_expected(model, history(0, 0, 30), 39.0)[0] == pytest.approx(orders, rel=1e-9)


def test_a_new_customer_and_a_short_scale_converge() -> None:
    model = PAPER.model_copy(update={"alpha": 0.05})
    new = history(0, 0, 0)
    assert orders_if_alive(model, new, 52.0) == pytest.approx(published(model, new, 52.0), rel=1e-9)


def test_thousands_of_orders_stay_finite() -> None:
    busy = history(3_000, 520, 521)
    gone = history(3_000, 100, 520)
    assert 0 < alive_probability(PAPER, busy)[0] < 1
    assert 0 < alive_probability(PAPER, gone)[0] < 1e-300
    assert 0 < orders_expected(PAPER, busy, 52.0)[0] < 3_000
    assert np.isfinite(alive_until(PAPER, busy, 0.1))


@settings(max_examples=100, deadline=None)
@given(parameters, histories(), st.floats(0, 200))
def test_p_alive_is_a_probability_and_falls_with_silence(
    model: BgNbd, customer: Histories, longer: float
) -> None:
    now = alive_probability(model, customer)[0]
    later = Histories(customer.x, customer.t_x, customer.observed + longer)
    assert 0 < alive_probability(model, later)[0] <= now <= 1


@settings(max_examples=100, deadline=None)
@given(parameters, histories(), st.floats(0.01, 0.99))
def test_p_alive_at_the_crossing_is_the_threshold(
    model: BgNbd, customer: Histories, threshold: float
) -> None:
    assume(customer.x[0] > 0)
    crossing = alive_until(model, customer, threshold)
    assert crossing[0] >= customer.t_x[0]
    alive = alive_probability(model, Histories(customer.x, customer.t_x, crossing))[0]
    if crossing[0] > customer.t_x[0]:
        assert alive == pytest.approx(threshold, rel=1e-7)
    else:
        assert alive <= threshold * (1 + 1e-9)


def test_who_bought_once_never_crosses_in_this_model() -> None:
    assert alive_until(PAPER, history(0, 0, 30), 0.5)[0] == np.inf
    assert alive_probability(PAPER, history(0, 0, 500))[0] == 1


@settings(max_examples=50, deadline=None)
@given(parameters, st.lists(histories(), min_size=1, max_size=8))
def test_a_customer_does_not_depend_on_the_others_to_the_last_bit(
    model: BgNbd, several: list[Histories]
) -> None:
    together = Histories(*(np.concatenate(column) for column in zip(
        *((one.x, one.t_x, one.observed) for one in several), strict=True)))  # fmt: skip
    alone = [orders_expected(model, one, 39.0)[0] for one in several]
    assert orders_expected(model, together, 39.0).tolist() == alone
