"""Ties between identifiers, and the best way along them from one to another."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from services.profile.domain.component import (
    ALIASED,
    ALIASED_PUBLIC,
    PARTED,
    PARTED_PUBLIC,
    REQUESTED,
    REQUESTED_PUBLIC,
    TOGETHER,
    TOGETHER_PUBLIC,
    Refusal,
)

#: What a link's event said, by the rule of the link.
SAYS: Final = {
    TOGETHER: "seen together",
    TOGETHER_PUBLIC: "seen together",
    ALIASED: "aliased",
    ALIASED_PUBLIC: "aliased",
    REQUESTED: "merge requested",
    REQUESTED_PUBLIC: "merge requested",
    PARTED: "set apart",
    PARTED_PUBLIC: "set apart",
}
#: What requests of people say.
REQUESTS: Final = frozenset({SAYS[REQUESTED], SAYS[PARTED]})
TRUSTED: Final = frozenset({TOGETHER, ALIASED, REQUESTED})
PUBLIC: Final = frozenset({TOGETHER_PUBLIC, ALIASED_PUBLIC, REQUESTED_PUBLIC, PARTED_PUBLIC})


class End(NamedTuple):
    """An identifier. The value of one that is in another component is not known here: None."""

    node: bytes
    kind: str
    value: str | None


class Tie(NamedTuple):
    """One link of a chain: the event that said it, and why it joined nobody (`refused`, with
    `because` in words), if so. `by` and `reason` of a request, where they were looked up."""

    one: End
    other: End
    event: bytes
    at: datetime
    says: str
    public: bool
    refused: Refusal | None = None
    because: str = ""
    by: str = ""
    reason: str = ""


def way(one: bytes, other: bytes, ties: Iterable[Tie]) -> tuple[Tie, ...] | None:
    """The ties from one to the other in their order; None: there is no way."""
    before = ways(one, ties)
    if other not in before:
        return None
    found = []
    while other != one:
        tie = before[other]
        assert tie is not None
        found.append(tie)
        other = tie.one.node
    return tuple(reversed(found))


def ways(start: bytes, ties: Iterable[Tie]) -> dict[bytes, Tie | None]:
    """Each node that can be reached, nearest first -> the last tie of the best way there.

    The best has the fewest refused ties, then the fewest, then the earliest latest one.
    """
    near: dict[bytes, list[Tie]] = {}
    for tie in ties:
        near.setdefault(tie.one.node, []).append(tie)
        near.setdefault(tie.other.node, []).append(tie._replace(one=tie.other, other=tie.one))
    found: dict[bytes, Tie | None] = {}
    number = 0
    heap: list[tuple[_Length, bytes, int, Tie | None]] = [
        (_Length(0, 0, datetime.min, b""), start, number, None)
    ]
    while heap:
        length, node, _, last = heapq.heappop(heap)
        if node in found:
            continue
        found[node] = last
        for tie in near.get(node, ()):
            if tie.other.node not in found:
                number += 1
                heapq.heappush(heap, (length.with_(tie), tie.other.node, number, tie))
    return found


class _Length(NamedTuple):
    """How long a way is; the smaller is the better one."""

    refused: int
    ties: int
    latest: datetime
    event: bytes

    def with_(self, tie: Tie) -> _Length:
        latest, event = max((self.latest, self.event), (tie.at.replace(tzinfo=None), tie.event))
        return _Length(self.refused + (tie.refused is not None), self.ties + 1, latest, event)
