"""Customer lifetime value: what somebody brought, and what the next twelve months will bring.

Predicted value is BG/NBD's expected orders times Gamma-Gamma's order value. Orders are taken
month by month (a twelfth of 365 days) and each month is discounted from its end:
1 / (1 + rate a year)^(month / 12).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.model import BgNbd, GammaGamma
from services.scoring.domain.arrays import DAYS_PER_WEEK, Floats, Histories, SnapshotFacts
from services.scoring.domain.bg_nbd import alive_probability, orders_if_alive
from services.scoring.domain.gamma_gamma import order_value_expected

YEAR_DAYS: Final = 365.0
MONTHS: Final = 12
HORIZONS_WEEKS: Final[Floats] = np.arange(1.0, MONTHS + 1) * (YEAR_DAYS / MONTHS / DAYS_PER_WEEK)
SOON_WEEKS: Final = 30.0 / DAYS_PER_WEEK

CUSTOMERS_MIN: Final = 500
HISTORY_DAYS_MIN: Final = 180
LAST_ORDER_DAYS_MAX: Final = 30.0
THREE_ORDERS_MIN: Final = 1


@dataclass(frozen=True, slots=True)
class Prediction:
    """The three factors of the next twelve months: is alive, how many orders, worth how much.

    `monthly_if_alive` has shape (n, 12); `order_value` is NaN where there is none.
    """

    alive: Floats
    monthly_if_alive: Floats
    order_value: Floats

    def orders(self) -> Floats:
        """Expected orders in twelve months."""
        orders: Floats = self.monthly_if_alive.sum(axis=1) * self.alive
        return orders

    def discounted_orders_if_alive(self, rate_per_year: float) -> Floats:
        """Orders of a living customer in twelve months, each worth less the later it comes."""
        worth = (1.0 + rate_per_year) ** (-np.arange(1, MONTHS + 1) / MONTHS)
        total: Floats = (self.monthly_if_alive * worth).sum(axis=1)
        return total

    def value(self, rate_per_year: float) -> Floats:
        """The predicted value: the product of the three."""
        return self.alive * self.discounted_orders_if_alive(rate_per_year) * self.order_value


def predict(
    bg_nbd: BgNbd, gamma_gamma: GammaGamma, customers: Histories, mean_repeat_value: Floats
) -> Prediction:
    """The next twelve months of each customer."""
    column = Histories(customers.x[:, None], customers.t_x[:, None], customers.observed[:, None])
    until = orders_if_alive(bg_nbd, column, HORIZONS_WEEKS[None, :])
    return Prediction(
        alive=alive_probability(bg_nbd, customers),
        monthly_if_alive=np.diff(until, axis=1, prepend=0.0),
        order_value=order_value_expected(gamma_gamma, customers.x, mean_repeat_value),
    )


def mean_repeat_value(facts: SnapshotFacts) -> Floats:
    """Revenue of an average repeat purchase day, 0 where there is none."""
    return facts.repeat_revenue / np.maximum(facts.purchase_days - 1, 1)


def average_gap_days(facts: SnapshotFacts) -> Floats:
    """Average days between purchase days, NaN with fewer than two."""
    gaps = np.maximum(facts.purchase_days - 1, 1)
    return np.where(facts.purchase_days > 1, (facts.last_day - facts.first_day) / gaps, np.nan)


def median_weeks_to_order(model: BgNbd, customers: Histories) -> Floats:
    """Weeks from now within which a living customer orders again as likely as not.

    Between orders of a customer with Gamma(r + x, alpha + T) rate lies a Lomax time; its median.
    """
    median: Floats = np.expm1(np.log(2.0) / (model.r + customers.x))
    return (model.alpha + customers.observed) * median


def why_not_enough(
    customers: int, history_days: int, days_since_last_order: float, with_three_orders: int
) -> str | None:
    """What a population lacks to predict from it, in words; None when it is enough."""
    if customers < CUSTOMERS_MIN:
        return f"{customers} customers with an order, {CUSTOMERS_MIN} are needed"
    if history_days < HISTORY_DAYS_MIN:
        return f"{history_days} days of history, {HISTORY_DAYS_MIN} are needed"
    if days_since_last_order > LAST_ORDER_DAYS_MAX:
        return f"the last order was {days_since_last_order:.0f} days ago, 30 at most are allowed"
    if with_three_orders < THREE_ORDERS_MIN:
        return "no customer has ordered on three days or more"
    return None
