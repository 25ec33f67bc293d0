"""The real purchases: CDNOW 1997-98, moved in time so that the last day is yesterday."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

FILE = Path(__file__).with_name("cdnow_master.txt.gz")


@dataclass(frozen=True, slots=True)
class Purchase:
    """One transaction of a customer (number from 1); `paid` in US dollars."""

    customer: int
    day: date
    pieces: int
    paid: Decimal


def read_purchases(path: Path = FILE) -> tuple[Purchase, ...]:
    """All transactions of the file, in its order (by customer, then by day)."""
    lines = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()[1:]
    return tuple(_purchase(line) for line in lines if line.strip())


def _purchase(line: str) -> Purchase:
    customer, day, pieces, paid = line.split()
    when = date.fromisoformat(day)
    return Purchase(int(customer), when, int(pieces), Decimal(paid))


def moved_to_end_on(purchases: Sequence[Purchase], last: date) -> tuple[Purchase, ...]:
    """The same purchases, all moved by the same number of days, the latest on `last`."""
    shift: timedelta = last - max(purchase.day for purchase in purchases)
    return tuple(Purchase(one.customer, one.day + shift, one.pieces, one.paid) for one in purchases)


def of_some_customers(purchases: Sequence[Purchase], count: int) -> tuple[Purchase, ...]:
    """The purchases of `count` customers, picked evenly, so that early and late joiners are in."""
    everybody = sorted({purchase.customer for purchase in purchases})
    if count >= len(everybody):
        return tuple(purchases)
    picked = {everybody[index * len(everybody) // count] for index in range(count)}
    return tuple(purchase for purchase in purchases if purchase.customer in picked)


def by_customer(purchases: Iterable[Purchase]) -> dict[int, list[Purchase]]:
    """Customer number to purchases, in the order given."""
    grouped: dict[int, list[Purchase]] = {}
    for purchase in purchases:
        grouped.setdefault(purchase.customer, []).append(purchase)
    return grouped
