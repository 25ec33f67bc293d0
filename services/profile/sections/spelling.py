"""How values of the state are spelled in a snapshot."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TypeVar

from schemas.money import from_minor
from services.profile.domain.states import Purse

Name = TypeVar("Name", str, int)


@lru_cache(65_536)
def money(units: int, currency: str) -> str:
    """An amount in minor units as a decimal."""
    return str(from_minor(units, currency))


def purse(units: Purse) -> dict[str, str]:
    """Money by currency."""
    return {currency: money(some, currency) for currency, some in units.items()}


def day(ordinal: int | None) -> date | None:
    return None if ordinal is None else date.fromordinal(ordinal)


def of_milli(milli: int) -> str:
    """Thousandths as a decimal without zeros at its end."""
    whole, rest = divmod(abs(milli), 1000)
    text = f"{whole}.{rest:03d}".rstrip("0").rstrip(".") if rest else str(whole)
    return f"-{text}" if milli < 0 else text


def mean(milli: int, of: int) -> float | None:
    """The mean of so many values whose sum is in thousandths."""
    return milli / 1000 / of if of else None


def most(counts: dict[Name, int]) -> Name | None:
    """What was counted most often; of equals the first by name."""
    if not counts:
        return None
    times = max(counts.values())
    return min([name for name, count in counts.items() if count == times])


def money_mean(units: int, of: int, currency: str) -> str:
    """The mean amount to the currency's smallest unit, halves to even."""
    whole, rest = divmod(units, of)
    if 2 * rest > of or (2 * rest == of and whole % 2):
        whole += 1
    return money(whole, currency)
