"""All scores of a micro-batch: a pure function of (snapshots, model, as-of time), by columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from schemas.model import BgNbd, Model
from services.scoring.domain import first_gap
from services.scoring.domain.arrays import (
    DAY_US,
    DAYS_PER_WEEK,
    Bools,
    Floats,
    Histories,
    Ints,
    SnapshotFacts,
    histories,
)
from services.scoring.domain.bg_nbd import alive_probability, alive_until, orders_if_alive
from services.scoring.domain.clv import (
    SOON_WEEKS,
    YEAR_DAYS,
    Prediction,
    average_gap_days,
    mean_repeat_value,
    median_weeks_to_order,
    predict,
)
from services.scoring.domain.rfm import ranks, recency_ranks, segments
from services.scoring.domain.value_matrix import value_segments

WEEK_US: Final = DAY_US * DAYS_PER_WEEK
#: 2199-12-31: later crossings are written as this day, the last that every store can keep.
FAR_US: Final = 7_258_032_000_000_000
NEVER: Final = -1
NO_MODEL: Final = "no model has been published yet (rapport fit)"
NO_ORDER: Final = "no order yet"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RfmColumns:
    """Ranks 1 to 5; `segment` says prospects where nobody ordered, and the rest means nothing."""

    recency: Ints
    frequency: Ints
    monetary: Ints
    segment: list[str]


@dataclass(frozen=True, slots=True)
class ChurnColumns:
    """P(alive); `alive_below_us` has a column for each threshold, µs since 1970."""

    p_alive: Floats
    one_time: Bools
    alive_below_us: Ints


@dataclass(frozen=True, slots=True)
class ClvColumns:
    """The next twelve months; `next_order_us` is NEVER where none is expected within them."""

    prediction: Prediction
    predicted: Floats
    orders_12m: Floats
    orders_30d: Floats
    next_order_us: Ints
    value_segment: list[str]


@dataclass(frozen=True, slots=True)
class ScoreBatch:
    """The scores of n snapshots. A group is None where the model has no ground for it.

    `missing` says why, for everybody; rows that are not `customers` have no order yet.
    """

    customers: Bools
    recency_days: Floats
    average_gap_days: Floats
    high_value: Bools
    rfm: RfmColumns | None
    churn: ChurnColumns | None
    clv: ClvColumns | None
    missing: dict[str, str]


def score_batch(
    facts: SnapshotFacts, model: Model | None, as_of_us: Ints, thresholds: tuple[float, ...]
) -> ScoreBatch:
    """The scores of each snapshot as of its own moment; `thresholds` of P(alive), highest first.

    A row's scores do not depend on which other rows are in the batch, to the last bit.
    """
    buyers = facts.purchase_days > 0
    recency_days = np.maximum(as_of_us / DAY_US - facts.last_day, 0.0)
    customers = histories(facts, as_of_us)
    groups = {
        "rfm": _rfm(model, facts, recency_days),
        "churn": _churn(model, facts, customers, thresholds),
        "clv": _clv(model, facts, customers, as_of_us),
    }
    high_from = model.high_value_from if model and model.high_value_from is not None else np.inf
    return ScoreBatch(
        customers=buyers,
        recency_days=recency_days,
        average_gap_days=average_gap_days(facts),
        high_value=buyers & (facts.revenue >= high_from),
        rfm=_present(groups["rfm"], RfmColumns),
        churn=_present(groups["churn"], ChurnColumns),
        clv=_present(groups["clv"], ClvColumns),
        missing={name: why for name, why in groups.items() if isinstance(why, str)},
    )


def why_not_predictive(model: Model | None) -> str | None:
    """Why a model has no ground for churn and CLV; None when it has."""
    if model is None:
        return NO_MODEL
    if not model.population.enough:
        return f"not enough data: {model.population.why_not}"
    if model.bg_nbd is None or not model.first_gap_days:
        return "not enough data: nobody has bought twice"
    return None


def why_not_valued(model: Model | None) -> str | None:
    """Why a model has no ground for CLV, beyond what churn needs; None when it has."""
    if model is None or model.gamma_gamma is None or model.present_value_median is None:
        return "not enough data: no order value above zero"
    if model.gamma_gamma.q <= 1 or model.future_value_median is None:
        return "not enough data: order values vary too much to have a mean (q <= 1)"
    return None


def _rfm(model: Model | None, facts: SnapshotFacts, recency_days: Floats) -> RfmColumns | str:
    if model is None or model.rfm is None:
        return NO_MODEL if model is None else "not enough data: nobody has bought yet"
    recency = recency_ranks(model.rfm, recency_days)
    frequency = ranks(model.rfm.frequency, facts.orders.astype(np.float64))
    monetary = ranks(model.rfm.monetary, facts.revenue)
    named = segments(recency, frequency, monetary, facts.purchase_days > 0)
    return RfmColumns(recency, frequency, monetary, named)


def _churn(
    model: Model | None, facts: SnapshotFacts, customers: Histories, thresholds: tuple[float, ...]
) -> ChurnColumns | str:
    why_not = why_not_predictive(model)
    if model is None or model.bg_nbd is None or why_not is not None:
        return why_not or NO_MODEL
    one_time = customers.x == 0
    gaps = _FirstGap(model.first_gap_days, model.population.repeat_customers)
    alive = alive_probability(model.bg_nbd, customers)
    weeks_until = np.empty((len(facts), len(thresholds)))
    for i, threshold in enumerate(thresholds):
        repeat = alive_until(model.bg_nbd, customers, threshold)
        weeks_until[:, i] = np.where(one_time, gaps.weeks_until(threshold), repeat)
    return ChurnColumns(
        p_alive=np.where(one_time, gaps.survival(customers.observed), alive),
        one_time=one_time,
        alive_below_us=_moments(facts.first_day * DAY_US, weeks_until, FAR_US),
    )


def _clv(
    model: Model | None, facts: SnapshotFacts, customers: Histories, as_of_us: Ints
) -> ClvColumns | str:
    why_not = why_not_predictive(model) or why_not_valued(model)
    if model is None or model.bg_nbd is None or model.gamma_gamma is None or why_not is not None:
        return why_not or NO_MODEL
    coming = predict(model.bg_nbd, model.gamma_gamma, customers, mean_repeat_value(facts))
    predicted = coming.value(model.discount_rate_per_year)
    return ClvColumns(
        prediction=coming,
        predicted=predicted,
        orders_12m=coming.orders(),
        orders_30d=orders_if_alive(model.bg_nbd, customers, SOON_WEEKS) * coming.alive,
        next_order_us=_next_order_us(model, model.bg_nbd, customers, as_of_us),
        value_segment=value_segments(
            facts.revenue,
            predicted,
            model.present_value_median or 0.0,
            model.future_value_median or 0.0,
        ),
    )


def _next_order_us(model: Model, bg_nbd: BgNbd, customers: Histories, as_of_us: Ints) -> Ints:
    """When a living customer orders next, as likely as not; NEVER beyond twelve months.

    One-time buyers: the gap that half of those came back later than, who took at least as long.
    """
    gaps = _FirstGap(model.first_gap_days, model.population.repeat_customers)
    half = gaps.survival(customers.observed) / 2
    first = gaps.weeks_until(half) - customers.observed
    weeks = np.where(customers.x == 0, first, median_weeks_to_order(bg_nbd, customers))
    soon = weeks <= YEAR_DAYS / DAYS_PER_WEEK
    moments = _moments(as_of_us, np.where(soon, weeks, 0.0)[:, None], FAR_US)[:, 0]
    return np.where(soon, moments, NEVER)


def _moments(start_us: Ints, weeks: Floats, last_us: int) -> Ints:
    """Moments so many weeks after each start, shape of `weeks`, none after `last_us`."""
    span = np.minimum(weeks * WEEK_US, (last_us - start_us)[:, None].astype(np.float64))
    return start_us[:, None] + span.astype(np.int64)


@dataclass(frozen=True, slots=True)
class _FirstGap:
    """The first-gap survival curve in weeks."""

    quantile_days: tuple[float, ...]
    repeat_customers: int

    def survival(self, weeks: Floats) -> Floats:
        return first_gap.survival(self.quantile_days, self.repeat_customers, weeks * DAYS_PER_WEEK)

    def weeks_until(self, share: Floats | float) -> Floats:
        days = first_gap.days_until(self.quantile_days, self.repeat_customers, np.asarray(share))
        return days / DAYS_PER_WEEK


def _present(group: object, kind: type[T]) -> T | None:
    return group if isinstance(group, kind) else None
