"""Purchase lines of customers, and the sufficient statistics at a day: what fitting starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.scoring.domain.arrays import DAY_US, Floats, Ints, SnapshotFacts


@dataclass(frozen=True, slots=True)
class Purchases:
    """One row for each customer and day with a purchase, sorted by both. Amounts are day totals.

    `customer` counts from 0; `orders` is how many purchases the day had.
    """

    customer: Ints
    day: Ints
    amount: Floats
    orders: Ints

    def until(self, day: int) -> Purchases:
        """The purchases on that day or before."""
        kept = self.day <= day
        return Purchases(self.customer[kept], self.day[kept], self.amount[kept], self.orders[kept])


def by_day(customers: list[str], days: Ints, amounts: Floats) -> Purchases:
    """Purchase lines in any order, joined into purchase days."""
    _, customer = np.unique(np.asarray(customers), return_inverse=True)
    order = np.lexsort((amounts, days, customer))
    customer, day, amount = customer[order].astype(np.int64), days[order], amounts[order]
    if len(day) == 0:
        return Purchases(customer, day, amount, np.zeros(0, np.int64))
    first = np.flatnonzero((np.diff(customer, prepend=-1) != 0) | (np.diff(day, prepend=-1) != 0))
    return Purchases(
        customer=customer[first],
        day=day[first],
        amount=np.add.reduceat(amount, first),
        orders=np.diff(first, append=len(day)),
    )


def facts_of(purchases: Purchases) -> SnapshotFacts:
    """The sufficient statistics of each customer that bought, in the order of their numbers."""
    first = np.flatnonzero(np.diff(purchases.customer, prepend=-1) != 0)
    days = np.diff(first, append=len(purchases.day))
    # Sums of cents in floats are a hair off; profiles add exactly, and ties must stay ties.
    revenue: Floats = np.add.reduceat(purchases.amount, first).round(4)
    return SnapshotFacts(
        orders=np.add.reduceat(purchases.orders, first),
        purchase_days=days,
        first_day=purchases.day[first],
        last_day=purchases.day[first + days - 1],
        revenue=revenue,
        repeat_revenue=np.where(days > 1, np.round(revenue - purchases.amount[first], 4), 0.0),
    )


def first_gaps_days(purchases: Purchases) -> Floats:
    """Days from the first purchase day to the second, of everybody who has two."""
    first = np.flatnonzero(np.diff(purchases.customer, prepend=-1) != 0)
    days = np.diff(first, append=len(purchases.day))
    repeat = first[days > 1]
    return (purchases.day[repeat + 1] - purchases.day[repeat]).astype(np.float64)


def as_of_day_us(day: int, rows: int) -> Ints:
    """The as-of time of `rows` customers: the papers count T in whole days up to that day."""
    return np.full(rows, day * DAY_US, np.int64)
