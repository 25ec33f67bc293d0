"""The profile people see: one person's combined facts at a version, or a redirect after a merge."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name
from schemas.identifier import Identifier
from schemas.money import Currency


class Trait(Message):
    """The newest value of one trait, where it came from and when it was said."""

    value: Any
    source: str
    at: Moment


class Purchases(Message):
    """What was bought, in the workspace's currency; days are UTC days with at least one order.

    `repeat_revenue` is the revenue of all purchase days but the first (Gamma-Gamma's x * m).
    Orders in other currencies are counted and listed in `other_currencies`, not added up.
    """

    orders: int = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    currency: Currency = "USD"
    purchase_days: int = 0
    first_day: date | None = None
    last_day: date | None = None
    repeat_revenue: Decimal = Decimal(0)
    last_order_at: Moment | None = None
    other_currencies: dict[str, Decimal] = Field(default_factory=dict)


class OpenComplaint(Message):
    """A complaint that was received and not yet handled; `event_id` is its complaint_received."""

    complaint_id: str
    received_at: Moment
    severity: int
    category: str | None = None
    event_id: UUID


class Conflict(Message):
    """A refused link: the kinds of its two identifiers, why, and the event that said it."""

    kinds: tuple[str, str]
    reason: str
    event_id: UUID
    at: Moment


class Service(Message):
    """Calls, complaints and surveys."""

    calls: int = 0
    call_duration_s: float = 0
    complaints: int = 0
    complaints_handled: int = 0
    open_complaints: tuple[OpenComplaint, ...] = ()
    csat_answers: int = 0
    csat_mean: float | None = None
    nps_last: float | None = None
    ces_mean: float | None = None


class Behaviour(Message):
    """Counts and last times by kind and by channel."""

    events: int = 0
    by_kind: dict[str, int] = Field(default_factory=dict)
    by_channel: dict[str, int] = Field(default_factory=dict)
    last_at: dict[str, Moment] = Field(default_factory=dict)
    categories: dict[str, int] = Field(default_factory=dict)


class Profile(Message):
    """A snapshot (topic profiles.changed, key profile id). The newest version of an id counts.

    With `merged_into` set the profile joined another one and carries no facts any more.
    `more_identifiers`: so many weak ones (anonymous ids) are folded into others and not listed.
    `conflicts`: the newest of the `refused_links`, each a pair of identifiers.
    """

    workspace: Name
    profile_id: UUID
    version: int
    updated_at: Moment
    merged_into: UUID | None = None
    identifiers: tuple[Identifier, ...] = ()
    more_identifiers: int = 0
    refused_links: int = 0
    conflicts: tuple[Conflict, ...] = ()
    traits: dict[str, Trait] = Field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    first_seen_at: Moment | None = None
    last_seen_at: Moment | None = None
    behaviour: Behaviour = Behaviour()
    purchases: Purchases = Purchases()
    service: Service = Service()
