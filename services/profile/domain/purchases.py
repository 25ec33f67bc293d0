"""What a person bought: orders by currency and by UTC day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from services.profile.domain.part import Order


class Bought(NamedTuple):
    """Money in minor units of the asked currency; `others`: of each other currency. `days`: how
    many UTC days had an order in any currency."""

    orders: int
    units: int
    days: int
    first_day: date | None
    last_day: date | None
    repeat_units: int
    last_order: datetime | None
    others: dict[str, int]


def bought(orders: Collection[Order], currency: str) -> Bought:
    """Sums over the orders. `repeat_units`: of all purchase days but the first."""
    by_day: dict[int, int] = {}
    others: dict[str, int] = {}
    last: datetime | None = None
    for at, _, units, paid_in in orders:
        if last is None or at > last:
            last = at
        day = at.toordinal()
        if paid_in == currency:
            by_day[day] = by_day.get(day, 0) + units
        else:
            by_day.setdefault(day, 0)
            others[paid_in] = others.get(paid_in, 0) + units
    if not by_day:
        return Bought(0, 0, 0, None, None, 0, None, {})
    first, units = min(by_day), sum(by_day.values())
    repeat, last_day = units - by_day[first], date.fromordinal(max(by_day))
    first_day, days = date.fromordinal(first), len(by_day)
    return Bought(len(orders), units, days, first_day, last_day, repeat, last, others)
