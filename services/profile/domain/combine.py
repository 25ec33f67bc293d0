"""The parts of one person as one: what people see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from services.profile.domain.belonging import add_accounts
from services.profile.domain.bounds import (
    ACCOUNTS_MAX,
    CATEGORIES_MAX,
    CHANNELS_MAX,
    keep_counts,
    keep_newest,
)
from services.profile.domain.fold import add_complaint, counted
from services.profile.domain.part import BORN, FIRST, LAST, Count, Part, new_part

Key = TypeVar("Key")
Newest = TypeVar("Newest", bound=tuple[Any, ...])


def combined(parts: Sequence[Part]) -> Part:
    """All parts together. The parts are not changed; a single one is returned as it is."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0].seen
    whole = new_part(first[FIRST], first[BORN])
    for part in parts:
        _add_part(whole, part)
    keep_counts(whole.categories, CATEGORIES_MAX)
    keep_counts(whole.channels, CHANNELS_MAX)
    keep_counts(whole.accounts, ACCOUNTS_MAX)
    keep_newest(whole.traits)
    return whole


def _add_part(whole: Part, part: Part) -> None:
    seen = whole.seen
    seen[FIRST] = min(seen[FIRST], part.seen[FIRST])
    seen[LAST] = max(seen[LAST], part.seen[LAST])
    seen[BORN] = min(seen[BORN], part.seen[BORN])
    _add_counts(whole.kinds, part.kinds)
    _add_counts(whole.channels, part.channels)
    _add_sums(whole.categories, part.categories)
    _add_sums(whole.refunds, part.refunds)
    _add_sums(whole.sums, part.sums)
    _keep_largest(whole.traits, part.traits)
    _keep_largest(whole.orders, part.orders)
    _keep_largest(whole.answers, part.answers)
    for complaint_id, complaint in part.complaints.items():
        add_complaint(whole.complaints, complaint_id, complaint)
    add_accounts(whole.accounts, part.accounts)


def _add_counts(whole: dict[Key, Count], part: dict[Key, Count]) -> None:
    for key, (times, newest) in part.items():
        whole[key] = counted(whole.get(key), newest, times)


def _add_sums(whole: dict[Key, int], part: dict[Key, int]) -> None:
    for key, amount in part.items():
        whole[key] = whole.get(key, 0) + amount


def _keep_largest(whole: dict[Key, Newest], part: dict[Key, Newest]) -> None:
    """Tuples begin with (time, event id), so the largest is the newest."""
    for key, value in part.items():
        known = whole.get(key)
        if known is None or value > known:
            whole[key] = value
