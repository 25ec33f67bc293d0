"""The parts of one person as one: what people see."""

from __future__ import annotations

from collections.abc import Sequence

from services.profile.domain.bounds import CHANNELS_MAX, keep_counts
from services.profile.domain.commuting import add_counts, add_sums
from services.profile.domain.folds.table import JOINS, SETTLES
from services.profile.domain.history import join_past
from services.profile.domain.part import BORN, FIRST, LAST, Part, new_part


def combined(parts: Sequence[Part]) -> Part:
    """All parts together. The parts are not changed; a single one is returned as it is."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0].seen
    whole = new_part(first[FIRST], first[BORN])
    for part in parts:
        _add_part(whole, part)
    keep_counts(whole.channels, CHANNELS_MAX)
    for settle in SETTLES:
        settle(whole)
    if any(part.past for part in parts):
        join_past(whole, parts)
    return whole


def _add_part(whole: Part, part: Part) -> None:
    seen = whole.seen
    seen[FIRST] = min(seen[FIRST], part.seen[FIRST])
    seen[LAST] = max(seen[LAST], part.seen[LAST])
    seen[BORN] = min(seen[BORN], part.seen[BORN])
    add_counts(whole.kinds, part.kinds)
    add_counts(whole.channels, part.channels)
    add_sums(whole.sums, part.sums)
    for join in JOINS:
        join(whole, part)
