"""An event as identity and folds see it: only what they read, in plain values.

msgspec makes them: three times as fast as dataclasses, and facts are decoded by their `kind`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, Final

import msgspec

from services.profile.domain.part import KIND_CODES, KINDS, KindCode


class Name(msgspec.Struct, gc=False):
    """An identifier as it stands in a touchpoint."""

    kind: str
    value: str


class Money(msgspec.Struct, gc=False):
    amount: Decimal
    currency: str


class Line(msgspec.Struct, gc=False):
    category: str | None = None


class Viewed(msgspec.Struct, tag_field="kind", gc=False):
    """What both views have."""

    category: str | None = None


class PageViewed(Viewed, tag="page_viewed", gc=False):
    pass


class ProductViewed(Viewed, tag="product_viewed", gc=False):
    pass


class Ordered(msgspec.Struct, tag_field="kind", tag="order_completed", gc=False):
    order_id: str
    total: Money
    lines: list[Line] = []


class Refunded(msgspec.Struct, tag_field="kind", tag="order_refunded", gc=False):
    total: Money


class Called(msgspec.Struct, tag_field="kind", tag="call_completed", gc=False):
    duration_s: float = 0


class Complained(msgspec.Struct, tag_field="kind", tag="complaint_received", gc=False):
    complaint_id: str
    severity: int = 2
    category: str | None = None


class Handled(msgspec.Struct, tag_field="kind", tag="complaint_handled", gc=False):
    complaint_id: str


class Surveyed(msgspec.Struct, tag_field="kind", tag="survey_answered", gc=False):
    survey: str
    score: float


class Identified(msgspec.Struct, tag_field="kind", tag="identified", gc=False):
    """Trait names to JSON values."""

    traits: dict[str, msgspec.Raw] = {}


class Aliased(msgspec.Struct, tag_field="kind", tag="aliased", gc=False):
    previous: Name


class MergeRequested(msgspec.Struct, tag_field="kind", tag="profile_merge_requested", gc=False):
    other: Name


class UnmergeRequested(msgspec.Struct, tag_field="kind", tag="profile_unmerge_requested", gc=False):
    other: Name


class Linked(msgspec.Struct, tag_field="kind", tag="account_linked", gc=False):
    account_id: str


class Counted(msgspec.Struct, tag_field="kind", tag="custom", gc=False):
    """Any kind that is counted and nothing else; each has a subclass, so that one decoder
    knows it."""


Facts = (
    PageViewed
    | ProductViewed
    | Ordered
    | Refunded
    | Called
    | Complained
    | Handled
    | Surveyed
    | Identified
    | Aliased
    | MergeRequested
    | UnmergeRequested
    | Linked
    | Counted
)


def _kind(facts: type[msgspec.Struct]) -> str:
    return str(facts.__struct_config__.tag)


#: Facts of the kinds that have a class of their own above.
FOLDED: Final[tuple[type[msgspec.Struct], ...]] = Facts.__args__
#: Facts of all other kinds that the state knows.
COUNTED: Final = tuple(
    msgspec.defstruct(kind, [], bases=(Counted,), tag_field="kind", tag=kind, gc=False)
    for kind in KINDS
    if kind not in map(_kind, FOLDED)
)

#: The kind of touchpoint that facts are of, as the state knows it.
KIND_OF: Final[dict[type, KindCode]] = {
    facts: KIND_CODES[_kind(facts)] for facts in (*FOLDED, *COUNTED)
}
#: The union of all facts, for a decoder.
ANY_FACTS: Final[Any] = reduce(or_, KIND_OF)


class Event(msgspec.Struct, gc=False):
    """One touchpoint. `nodes`: ids of its identifiers, strongest first, none blocked.

    `alias`: the node of the other identifier that an aliased event or a request names. `public`:
    the key that it came with is public. `stamp` (the first 8 bytes of the event id) decides between
    facts of the same moment.
    """

    workspace: str
    source: str
    event_id: bytes
    at: datetime
    received: datetime
    kind: KindCode
    facts: Facts
    channel: str | None
    names: list[Name]
    nodes: list[bytes] = []
    alias: bytes | None = None
    public: bool = False

    @property
    def stamp(self) -> bytes:
        return self.event_id[:8]
