"""What folds are made of: additions and choices that come out alike in any order."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, TypeVar

from schemas.money import minor_units
from services.profile.domain.states import Count, Purse

Key = TypeVar("Key")
Newest = TypeVar("Newest", bound=tuple[Any, ...])
Thing = TypeVar("Thing", datetime, tuple[Any, ...])
State = TypeVar("State")

_ONE: Final = Decimal(1)


def newer(known: Newest | None, said: Newest | None) -> Newest | None:
    """The newest of two words: they begin with (time, event id)."""
    if known is None:
        return said
    return known if said is None or known >= said else said


def earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    """The first of two moments, as far as they are known."""
    if one is None or other is None:
        return one or other
    return min(one, other)


def latest(one: datetime | None, other: datetime | None) -> datetime | None:
    """The last of two moments, as far as they are known."""
    if one is None or other is None:
        return one or other
    return max(one, other)


def counted(count: Count | None, at: datetime, times: int = 1) -> Count:
    """The count with so many more, the last of them at that moment."""
    if count is None:
        return times, at
    before, newest = count
    return before + times, at if at > newest else newest


def add(sums: dict[Key, int], key: Key, amount: int) -> None:
    """More of one key."""
    sums[key] = sums.get(key, 0) + amount


def milli(value: float) -> int:
    """A fraction in thousandths."""
    return round(value * 1000)


def milli_of(value: Decimal) -> int:
    """A decimal in thousandths, halves to even."""
    return int(value.scaleb(3).quantize(_ONE, rounding=ROUND_HALF_EVEN))


def units_of(money: Any) -> int:
    """Money as the minor units of its currency."""
    return minor_units(money.amount, money.currency)


# -- of two parts ----------------------------------------------------------------------------------


def add_counts(whole: dict[Key, Count], part: Mapping[Key, Count]) -> None:
    for key, (times, newest) in part.items():
        whole[key] = counted(whole.get(key), newest, times)


def add_sums(whole: dict[Key, int], part: Mapping[Key, int]) -> None:
    for key, amount in part.items():
        whole[key] = whole.get(key, 0) + amount


def add_purses(whole: dict[Key, Purse], part: Mapping[Key, Purse]) -> None:
    for key, purse in part.items():
        add_sums(whole.setdefault(key, {}), purse)


def keep_largest(whole: dict[Key, Newest], part: Mapping[Key, Newest]) -> None:
    """Tuples begin with (time, event id), so the largest is the newest."""
    for key, value in part.items():
        known = whole.get(key)
        if known is None or value > known:
            whole[key] = value


def unite(whole: set[Key], part: Set[Key]) -> None:
    whole |= part
