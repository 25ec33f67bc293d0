"""Why a score is what it is: the inputs that moved it most, in words with their numbers.

The effect of an input is what would change if that input alone were typical of the population.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.model import BgNbd, Model, RfmBoundaries
from services.scoring.domain import first_gap
from services.scoring.domain.arrays import DAYS_PER_WEEK, Floats, Histories, SnapshotFacts
from services.scoring.domain.bg_nbd import alive_probability
from services.scoring.domain.clv import predict
from services.scoring.domain.score import ClvColumns, RfmColumns, ScoreBatch

Reasons = dict[str, tuple[str, ...]]
NOBODY: Final = -1

#: What is typical is put in for a whole batch, the value and the effect for each row.
SILENCE: Final = "%d days without an order (typical {:.0f}): P(alive) %s"
RHYTHM: Final = "an order every %d days (typical {:.0f}): P(alive) %s"
DAYS: Final = "%d purchase days (typical {:.0f}): P(alive) %s"
ALIVE: Final = "P(alive) %s in the model (typical {:.2f}): %+.2f"
RATE: Final = "%.1f orders a year if still a customer (typical {:.1f}): %+.2f"
VALUE: Final = "%.2f a purchase day (typical {:.2f}): %+.2f"
#: one sentence for each rank, parted by |
RANKS: Final = (
    "last order %d days ago: recency %d|%d orders: frequency %d|%.2f revenue: monetary %d"
)
QUADRANT: Final = "has brought %.2f (median {:.2f})|12 months will bring %.2f (median {:.2f})"

#: P(alive) and its differences in hundredths, written once: text is most of what reasons cost.
SHARES: Final = np.array([f"{share / 100:.2f}" for share in range(101)], object)
SIGNED_SHARES: Final = np.array([f"{share / 100:+.2f}" for share in range(-100, 101)], object)


@dataclass(frozen=True, slots=True)
class Driver:
    """One input of a score: in each row its value and its effect, and both as they are told.

    `template` takes the told value and the told effect. An effect of NaN: does not apply there.
    """

    template: str
    told_values: NDArray[Any]
    effects: Floats
    told_effects: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Typical:
    """A typical repeat customer of the population: x, days between orders, days of silence."""

    x: float
    gap_days: float
    silence_days: float

    def alive(self, model: BgNbd, x: Floats, gap_days: Floats, silence_days: Floats) -> Floats:
        t_x = x * gap_days / DAYS_PER_WEEK
        return alive_probability(model, Histories(x, t_x, t_x + silence_days / DAYS_PER_WEEK))

    def history(self) -> Histories:
        t_x = self.x * self.gap_days / DAYS_PER_WEEK
        observed = t_x + self.silence_days / DAYS_PER_WEEK
        return Histories(np.array([self.x]), np.array([t_x]), np.array([observed]))


def reasons_of(batch: ScoreBatch, facts: SnapshotFacts, model: Model | None) -> list[Reasons]:
    """For each row: score -> its reasons, the strongest first. Empty where nobody ordered."""
    if model is None or model.rfm is None:
        return [{} for _ in range(len(facts))]
    groups: dict[str, list[tuple[str, ...]]] = {}
    if batch.rfm is not None:
        groups["rfm"] = _rfm_reasons(batch.rfm, batch.recency_days, facts)
    if batch.churn is not None and model.bg_nbd is not None:
        typical = _typical(model, model.rfm)
        groups["churn"] = _strongest(_churn_drivers(model, model.bg_nbd, typical, batch, facts))
        if batch.clv is not None:
            groups["clv"] = _strongest(_clv_drivers(model, typical, batch.clv))
            groups["value_segment"] = _value_reasons(model, batch.clv, facts)
    names, columns = tuple(groups), zip(*groups.values(), strict=True)
    told = [dict(zip(names, row, strict=True)) for row in columns]
    return [row if buyer else {} for row, buyer in zip(told, batch.customers, strict=True)]


def _typical(model: Model, rfm: RfmBoundaries) -> Typical:
    middle_orders = (rfm.frequency[1] + rfm.frequency[2]) / 2
    return Typical(
        x=max(1.0, round(middle_orders) - 1.0),
        gap_days=model.median_gap_days or 1.0,
        silence_days=(rfm.recency_days[1] + rfm.recency_days[2]) / 2,
    )


def _churn_drivers(
    model: Model, bg_nbd: BgNbd, typical: Typical, batch: ScoreBatch, facts: SnapshotFacts
) -> list[Driver]:
    """One-time buyers have silence as their only input."""
    assert batch.churn is not None
    once, alive = batch.churn.one_time, batch.churn.p_alive
    x = np.maximum(facts.purchase_days - 1, 1).astype(np.float64)
    gap = np.where(once, typical.gap_days, np.nan_to_num(batch.average_gap_days))
    silence = batch.recency_days
    fixed = np.array(typical.silence_days)
    usual = first_gap.survival(model.first_gap_days, model.population.repeat_customers, fixed)
    silent = np.where(once, usual, typical.alive(bg_nbd, x, gap, np.full(len(x), fixed)))
    usual_gap = typical.alive(bg_nbd, x, np.full(len(x), typical.gap_days), silence)
    usual_x = typical.alive(bg_nbd, np.full(len(x), typical.x), gap, silence)
    return [
        _alive_driver(SILENCE, silence, typical.silence_days, alive - silent),
        _alive_driver(RHYTHM, gap, typical.gap_days, np.where(once, np.nan, alive - usual_gap)),
        _alive_driver(DAYS, x + 1, typical.x + 1, np.where(once, np.nan, alive - usual_x)),
    ]


def _alive_driver(template: str, values: Floats, typical: float, effects: Floats) -> Driver:
    """Values are told in whole days, effects are differences of P(alive)."""
    told = SIGNED_SHARES[_whole(np.nan_to_num(effects) * 100) + 100]
    return Driver(template.format(typical), _whole(values), effects, told)


def _whole(values: Floats) -> NDArray[np.int64]:
    return np.rint(values).astype(np.int64)


def _clv_drivers(model: Model, typical: Typical, clv: ClvColumns) -> list[Driver]:
    """The predicted value is a product: an input's effect is what it adds to a typical one."""
    assert model.bg_nbd is not None
    assert model.gamma_gamma is not None
    usual = predict(model.bg_nbd, model.gamma_gamma, typical.history(), np.zeros(1))
    mean = model.gamma_gamma.p * model.gamma_gamma.gamma / (model.gamma_gamma.q - 1)
    alive, orders = clv.prediction.alive, clv.prediction.monthly_if_alive.sum(axis=1)
    worth, usual_orders = clv.prediction.order_value, float(usual.monthly_if_alive.sum())
    factors = (
        (ALIVE, alive, float(usual.alive[0]), SHARES[_whole(alive * 100)]),
        (RATE, orders, usual_orders, orders),
        (VALUE, worth, mean, worth),
    )
    drivers = []
    for template, values, typical_value, told in factors:
        effects = clv.predicted * (1 - typical_value / np.maximum(values, 1e-12))
        drivers.append(Driver(template.format(typical_value), told, effects, effects))
    return drivers


def _strongest(drivers: list[Driver]) -> list[tuple[str, ...]]:
    """Two reasons a row; a driver whose effect is NaN does not apply there."""
    effects = np.stack([driver.effects for driver in drivers])
    strength = np.where(np.isnan(effects), -1.0, np.abs(effects))
    order = np.argsort(-strength, axis=0, kind="stable")
    single = np.take_along_axis(strength, order[1:2], axis=0)[0] < 0
    second = _texts(drivers, np.where(single, NOBODY, order[1]))
    return [
        (one,) if two is None else (one, two)
        for one, two in zip(_texts(drivers, order[0]), second, strict=True)
    ]


def _texts(drivers: list[Driver], chosen: NDArray[np.intp]) -> list[Any]:
    """The sentence of the chosen driver in each row, None where it is nobody."""
    texts = np.empty(len(chosen), object)
    for number, driver in enumerate(drivers):
        rows = np.flatnonzero(chosen == number)
        told = zip(
            driver.told_values[rows].tolist(), driver.told_effects[rows].tolist(), strict=True
        )
        texts[rows] = [driver.template % pair for pair in told]
    found: list[Any] = texts.tolist()
    return found


def _rfm_reasons(
    rfm: RfmColumns, recency_days: Floats, facts: SnapshotFacts
) -> list[tuple[str, ...]]:
    columns = zip(
        _whole(recency_days).tolist(),
        rfm.recency.tolist(),
        facts.orders.tolist(),
        rfm.frequency.tolist(),
        facts.revenue.tolist(),
        rfm.monetary.tolist(),
        strict=True,
    )
    return [tuple((RANKS % row).split("|")) for row in columns]


def _value_reasons(model: Model, clv: ClvColumns, facts: SnapshotFacts) -> list[tuple[str, ...]]:
    told = QUADRANT.format(model.present_value_median or 0.0, model.future_value_median or 0.0)
    columns = zip(facts.revenue.tolist(), clv.predicted.tolist(), strict=True)
    return [tuple((told % row).split("|")) for row in columns]
