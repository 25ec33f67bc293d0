"""Fitted parameters of the scores, one message for a workspace and a version."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.base import Message, Moment, Name
from schemas.money import Currency

Ascending4 = Annotated[tuple[float, float, float, float], Field()]


class BgNbd(Message):
    """BG/NBD parameters; time in weeks (Fader, Hardie & Lee 2005)."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


class GammaGamma(Message):
    """Gamma-Gamma parameters; money in the workspace's currency (Fader & Hardie 2013)."""

    p: float
    q: float
    gamma: float


class RfmBoundaries(Message):
    """Upper bounds of the quintiles 1 to 4 (ascending): days, orders, money."""

    recency_days: Ascending4
    frequency: Ascending4
    monetary: Ascending4


class Population(Message):
    """What the model was fitted on, and whether that is enough to predict CLV."""

    customers: int
    repeat_customers: int
    orders: int
    history_days: int
    days_since_last_order: float
    customers_with_three_orders: int
    enough: bool
    why_not: str | None = None


class Model(Message):
    """Topic models, key workspace. `version` counts µs since 1970 at publication."""

    workspace: Name
    version: int
    fitted_at: Moment
    currency: Currency = "USD"
    bg_nbd: BgNbd | None = None
    gamma_gamma: GammaGamma | None = None
    rfm: RfmBoundaries | None = None
    first_gap_days: tuple[float, ...] = Field(
        default=(), description="21 quantiles (0, 5, ... 100 %) of the first gap of repeat buyers"
    )
    median_gap_days: float | None = None
    present_value_median: float | None = None
    future_value_median: float | None = None
    high_value_from: float | None = Field(
        default=None, description="revenue from which a customer is in the top fifth"
    )
    discount_rate_per_year: float = 0.10
    population: Population
