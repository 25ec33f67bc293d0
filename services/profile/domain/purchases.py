"""What a person bought: orders by currency and by UTC day."""

from __future__ import annotations

from collections.abc import Collection
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


def bought(orders: Collection[Order], currency: str) -> Bought:
    """Sums over the orders. `repeat_units`: of all purchase days but the first."""
    by_day: dict[int, int] = {}
    others: dict[str, int] = {}
    last_us: int | None = None
    for at_us, _, units, paid_in in orders:
        if last_us is None or at_us > last_us:
            last_us = at_us
        day = at_us // DAY_US
        if paid_in == currency:
            by_day[day] = by_day.get(day, 0) + units
        else:
            by_day.setdefault(day, 0)
            others[paid_in] = others.get(paid_in, 0) + units
    if not by_day:
        return Bought(0, 0, 0, None, None, 0, None, {})
    first, units = min(by_day), sum(by_day.values())
    repeat, days = units - by_day[first], len(by_day)
    return Bought(len(orders), units, days, first, max(by_day), repeat, last_us, others)
