"""An event as identity and folds see it: only what they read, in plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(slots=True)
class Name:
    """An identifier as it stands in a touchpoint."""

    kind: str
    value: str


@dataclass(slots=True)
class Money:
    amount: Decimal
    currency: str


@dataclass(slots=True)
class Line:
    category: str | None = None


@dataclass(slots=True)
class Viewed:
    """page_viewed, product_viewed"""

    category: str | None = None


@dataclass(slots=True)
class Ordered:
    order_id: str
    total: Money
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Refunded:
    total: Money


@dataclass(slots=True)
class Called:
    duration_s: float = 0


@dataclass(slots=True)
class Complained:
    complaint_id: str
    severity: int = 2
    category: str | None = None


@dataclass(slots=True)
class Handled:
    complaint_id: str


@dataclass(slots=True)
class Surveyed:
    survey: str
    score: float


@dataclass(slots=True)
class Identified:
    """Trait names to JSON values."""

    traits: dict[str, bytes]


@dataclass(slots=True)
class Aliased:
    previous: Name


@dataclass(slots=True)
class Linked:
    """account_linked"""

    account_id: str


@dataclass(slots=True)
class Counted:
    """Any kind that is counted and nothing else."""


Facts = (
    Viewed
    | Ordered
    | Refunded
    | Called
    | Complained
    | Handled
    | Surveyed
    | Identified
    | Aliased
    | Linked
    | Counted
)


@dataclass(slots=True)
class Event:
    """One touchpoint. `nodes`: ids of its identifiers, strongest first, none blocked.

    `alias`: the node that an aliased event joins with the strongest one. `stamp` (the first 8
    bytes of the event id) decides between facts of the same moment.
    """

    workspace: str
    source: str
    event_id: bytes
    at: datetime
    received: datetime
    kind: str
    facts: Facts
    channel: str | None = None
    nodes: list[bytes] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)
    alias: bytes | None = None

    @property
    def stamp(self) -> bytes:
        return self.event_id[:8]
