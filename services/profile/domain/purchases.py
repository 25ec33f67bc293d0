"""What a person bought: orders by currency and by UTC day."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from services.profile.domain.part import Order

DAY_US = 86_400_000_000


class Bought(NamedTuple):
    """Money in minor units of the asked currency; `others`: of each other currency. Days: UTC
    days since 1970, of orders in any currency."""

    orders: int
    units: int
    days: int
    first_day: int | None
    last_day: int | None
    repeat_units: int
    last_order_us: int | None
    others: dict[str, int]


def bought(orders: Iterable[Order], currency: str) -> Bought:
    """Sums over the orders. `repeat_units`: of all purchase days but the first."""
    by_day: dict[int, int] = {}
    others: dict[str, int] = {}
    count, last_us = 0, None
    for order in orders:
        count += 1
        day = order.at_us // DAY_US
        own = order.currency == currency
        by_day[day] = by_day.get(day, 0) + (order.units if own else 0)
        if not own:
            others[order.currency] = others.get(order.currency, 0) + order.units
        last_us = order.at_us if last_us is None else max(last_us, order.at_us)
    if not by_day:
        return Bought(0, 0, 0, None, None, 0, None, {})
    first, units = min(by_day), sum(by_day.values())
    days = len(by_day)
    return Bought(count, units, days, first, max(by_day), units - by_day[first], last_us, others)
