"""What a person bought: orders by currency and by UTC day."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from services.profile.domain.part import Part
from services.profile.domain.states import Past, Purse


class Bought(NamedTuple):
    """Money in minor units of the asked currency; `others`: of each other currency. `days`: how
    many UTC days had an order in any currency. `own`: orders in the asked currency; `with_cost`:
    those of them with a known cost, which together are `cost`, and came to `costed_units`."""

    orders: int
    units: int
    days: int
    first_day: date | None
    last_day: date | None
    repeat_units: int
    last_order: datetime | None
    others: Purse
    own: int = 0
    with_cost: int = 0
    cost: int = 0
    costed_units: int = 0


_NOTHING = Bought(0, 0, 0, None, None, 0, None, {})


def bought(part: Part, currency: str) -> Bought:
    """Sums over the orders. `repeat_units`: of all purchase days but the first."""
    by_day: dict[int, int] = {}
    others: Purse = {}
    last: datetime | None = None
    orders, own, with_cost, cost, costed = len(part.orders), 0, 0, 0, 0
    for at, _, units, paid_in, its_cost in part.orders.values():
        if last is None or at > last:
            last = at
        day = at.toordinal()
        if paid_in == currency:
            by_day[day] = by_day.get(day, 0) + units
            own += 1
            if its_cost is not None:
                with_cost += 1
                cost += its_cost
                costed += units
        else:
            by_day.setdefault(day, 0)
            others[paid_in] = others.get(paid_in, 0) + units
    if part.past and part.past[0].orders:
        past = part.past[0]
        if last is None or (past.last is not None and past.last > last):
            last = past.last
        long_ago = _bought_in(past, currency, by_day, others)
        orders, own = orders + long_ago[0], own + long_ago[1]
        with_cost, cost, costed = with_cost + long_ago[2], cost + long_ago[3], costed + long_ago[4]
    if not by_day:
        return _NOTHING
    first, units = min(by_day), sum(by_day.values())
    repeat, last_day = units - by_day[first], date.fromordinal(max(by_day))
    return Bought(
        orders,
        units,
        len(by_day),
        date.fromordinal(first),
        last_day,
        repeat,
        last,
        others,
        own,
        with_cost,
        cost,
        costed,
    )


def _bought_in(
    past: Past, currency: str, by_day: dict[int, int], others: Purse
) -> tuple[int, int, int, int, int]:
    """Add history to the days. (orders; in the asked currency: orders, with cost, cost, units)."""
    orders, own, with_cost, cost, costed = 0, 0, 0, 0, 0
    for paid_in, days in past.orders.items():
        for day, (_, all_units, costs) in days.items():
            orders += len(all_units)
            units = sum(all_units)
            if paid_in != currency:
                by_day.setdefault(day, 0)
                others[paid_in] = others.get(paid_in, 0) + units
                continue
            by_day[day] = by_day.get(day, 0) + units
            own += len(all_units)
            for one, its_cost in zip(all_units, costs, strict=False):
                if its_cost is not None:
                    with_cost, cost, costed = with_cost + 1, cost + its_cost, costed + one
    return orders, own, with_cost, cost, costed
