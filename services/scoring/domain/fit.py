"""From purchases to a model: every parameter the scores need, and how well they predict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from schemas.model import Model, Population
from services.scoring.domain.arrays import (
    DAYS_PER_WEEK,
    Floats,
    Histories,
    SnapshotFacts,
    histories,
)
from services.scoring.domain.bg_nbd import orders_expected
from services.scoring.domain.clv import mean_repeat_value, predict, why_not_enough
from services.scoring.domain.first_gap import quantiles_of
from services.scoring.domain.fit_bg_nbd import fit_bg_nbd
from services.scoring.domain.fit_gamma_gamma import fit_gamma_gamma
from services.scoring.domain.purchases import (
    Purchases,
    as_of_day_us,
    facts_of,
    first_gaps_days,
)
from services.scoring.domain.rfm import boundaries_of

DISCOUNT_RATE_PER_YEAR: Final = 0.10


@dataclass(frozen=True, slots=True)
class Publication:
    """Whose model it is and when it was made: what the mathematics does not know."""

    workspace: str
    version: int
    fitted_at: datetime
    currency: str = "USD"
    discount_rate_per_year: float = DISCOUNT_RATE_PER_YEAR


@dataclass(frozen=True, slots=True)
class Holdout:
    """Predicted against real purchase days in the time after the calibration."""

    days: int
    predicted_orders: float
    actual_orders: int
    correlation: float


def fit(purchases: Purchases, until_day: int, publication: Publication) -> Model:
    """The model of everybody who bought on `until_day` (days since 1970) or before.

    Deterministic: the same purchases in any order give the same model, to the last bit.
    """
    known = purchases.until(until_day)
    model = Model(
        workspace=publication.workspace,
        version=publication.version,
        fitted_at=publication.fitted_at,
        currency=publication.currency,
        discount_rate_per_year=publication.discount_rate_per_year,
        population=_population(known, until_day),
    )
    if len(known.day) == 0:
        return model
    facts = facts_of(known)
    customers = histories(facts, as_of_day_us(until_day, len(facts)))
    fitted = model.model_copy(update=_parameters(known, facts, customers, until_day))
    return fitted.model_copy(update=_value_medians(fitted, facts, customers))


def check_holdout(model: Model, purchases: Purchases, until_day: int, end_day: int) -> Holdout:
    """How the model, fitted until `until_day`, predicts the purchase days up to `end_day`."""
    assert model.bg_nbd is not None
    known = purchases.until(until_day)
    facts = facts_of(known)
    customers = histories(facts, as_of_day_us(until_day, len(facts)))
    predicted = orders_expected(model.bg_nbd, customers, (end_day - until_day) / DAYS_PER_WEEK)
    later = purchases.customer[(purchases.day > until_day) & (purchases.day <= end_day)]
    bought = np.bincount(later, minlength=int(purchases.customer.max()) + 1)
    actual = bought[np.unique(known.customer)]
    return Holdout(
        days=end_day - until_day,
        predicted_orders=float(predicted.sum()),
        actual_orders=int(actual.sum()),
        correlation=_correlation(predicted, actual.astype(np.float64)),
    )


def _parameters(
    known: Purchases, facts: SnapshotFacts, customers: Histories, until_day: int
) -> dict[str, Any]:
    gaps = first_gaps_days(known)
    rfm = boundaries_of(
        recency_days=(until_day - facts.last_day).astype(np.float64),
        frequency=facts.orders.astype(np.float64),
        monetary=facts.revenue,
    )
    return {
        "bg_nbd": fit_bg_nbd(customers),
        "gamma_gamma": fit_gamma_gamma(customers.x, mean_repeat_value(facts)),
        "rfm": rfm,
        "first_gap_days": quantiles_of(gaps),
        "median_gap_days": float(np.median(gaps)) if len(gaps) else None,
        "high_value_from": rfm.monetary[3],
    }


def _value_medians(model: Model, facts: SnapshotFacts, customers: Histories) -> dict[str, float]:
    """The crossing lines of the value matrix."""
    present = {"present_value_median": float(np.median(facts.revenue))}
    if model.bg_nbd is None or model.gamma_gamma is None:
        return present
    coming = predict(model.bg_nbd, model.gamma_gamma, customers, mean_repeat_value(facts))
    future = coming.value(model.discount_rate_per_year)
    if not np.isfinite(future).all():
        return present
    return {**present, "future_value_median": float(np.median(future))}


def _population(known: Purchases, until_day: int) -> Population:
    days = np.unique(known.customer, return_counts=True)[1]
    empty = len(days) == 0
    history_days = 0 if empty else until_day - int(known.day.min())
    since_last = 0 if empty else until_day - int(known.day.max())
    three = int((days >= 3).sum())
    why_not = why_not_enough(len(days), history_days, since_last, three)
    return Population(
        customers=len(days),
        repeat_customers=int((days >= 2).sum()),
        orders=int(known.orders.sum()),
        history_days=history_days,
        days_since_last_order=since_last,
        customers_with_three_orders=three,
        enough=why_not is None,
        why_not=why_not,
    )


def _correlation(first: Floats, second: Floats) -> float:
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
