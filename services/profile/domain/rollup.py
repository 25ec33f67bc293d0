"""What people contribute to an account, and what that comes to together.

Roll-ups are combined in any order and any grouping with one result: sums, minima, maxima, the
newest words. Nothing is subtracted: who leaves is left out of the next combination.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.profile.domain.bounds import keep_counts
from services.profile.domain.folds.account import newest, newest_traits
from services.profile.domain.memberships import Told

#: Places in `sums`. Append only, they are stored; fractions are thousandths.
(
    MEMBERS,
    EVENTS,
    ORDERS,
    CALLS,
    COMPLAINTS,
    OPEN_COMPLAINTS,
    CSAT_MILLI,
    CSAT_ANSWERS,
    NPS_ANSWERS,
    PROMOTERS,
    DETRACTORS,
    TICKETS,
    OPEN_TICKETS,
    ORDERS_WITH_COST,
    OPEN_OPPORTUNITIES,
    OPPORTUNITIES_WON,
) = range(16)
NOTHING: Final = (0,) * 16

#: Places in `earliest` and in `latest`.
FIRST_SEEN, COMPLAINING_SINCE, TICKET_OPEN_SINCE = range(3)
LAST_SEEN, LAST_ORDER = range(2)
NEVER_FIRST: Final = (None, None, None)
NEVER_LAST: Final = (None, None)

#: Names are counted exactly; of more than so many different ones, those of the lowest lots.
NAMES_MAX: Final = 50

Moments = Sequence[datetime | None]


class Rollup(NamedTuple):
    """`amounts`: minor units by what and currency (`revenue:USD`). `roles`, `tiers`: members by
    what they are there, and by their tier.

    `worst`: the highest severity of an open complaint. `kind` and `traits`: of the account itself,
    the newest word of anybody who belongs or belonged to it.
    """

    sums: Sequence[int]
    earliest: Moments
    latest: Moments
    amounts: dict[str, int]
    roles: dict[str, int]
    tiers: dict[str, int]
    worst: int
    kind: Told | None
    traits: dict[str, Told]


EMPTY: Final = Rollup(NOTHING, NEVER_FIRST, NEVER_LAST, {}, {}, {}, 0, None, {})


def rolled_up(rollups: Sequence[Rollup]) -> Rollup:
    """All of them as one. They are not changed; a single one is returned as it is."""
    if len(rollups) == 1:
        return rollups[0]
    if not rollups:
        return EMPTY
    kind: Told | None = None
    traits: dict[str, Told] = {}
    for one in rollups:
        if one.kind is not None:
            kind = newest(kind, one.kind)
        if one.traits:
            traits = newest_traits(traits, one.traits)
    return Rollup(
        tuple(map(sum, zip(*[one.sums for one in rollups], strict=True))),
        tuple(map(_earliest, zip(*[one.earliest for one in rollups], strict=True))),
        tuple(map(_latest, zip(*[one.latest for one in rollups], strict=True))),
        _added([one.amounts for one in rollups if one.amounts]),
        _named([one.roles for one in rollups if one.roles]),
        _named([one.tiers for one in rollups if one.tiers]),
        max([one.worst for one in rollups]),
        kind,
        traits,
    )


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    added: dict[str, int] = {}
    for one in counts:
        for name, amount in one.items():
            added[name] = added.get(name, 0) + amount
    return added


def _named(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    names = _added(counts)
    keep_counts(names, NAMES_MAX)
    return names


def _earliest(moments: Iterable[Any]) -> datetime | None:
    return min([one for one in moments if one is not None], default=None)


def _latest(moments: Iterable[Any]) -> datetime | None:
    return max([one for one in moments if one is not None], default=None)
