"""The profile people see: one person's combined facts at a version, or a redirect after a merge."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name
from schemas.identifier import Identifier
from schemas.profile_sections import (
    Consent,
    Loyalty,
    Marketing,
    OpenComplaint,
    Payments,
    Preferences,
    Purchases,
    Quality,
    Sales,
    Service,
)


class Trait(Message):
    """The newest value of one trait, where it came from and when it was said."""

    value: Any
    source: str
    at: Moment


class AccountTrait(Trait):
    """What one person's events said of an account. `stamp`: the first 8 bytes of the event's id in
    hex, which decide between words of the same moment."""

    stamp: str = ""


class AccountMembership(Message):
    """An account or household that the person belongs to, or (`left_at`) did.

    `since`: the first link after they had left last. `kind` and `traits`: what this person's events
    said of the account itself, the newest; null means that a trait was removed.
    """

    account_id: str
    role: str | None = None
    since: Moment | None = None
    left_at: Moment | None = None
    kind: AccountTrait | None = None
    traits: dict[str, AccountTrait] = Field(default_factory=dict)


class Conflict(Message):
    """A refused link: the kinds of its two identifiers, why, and the event that said it."""

    kinds: tuple[str, str]
    reason: str
    event_id: UUID
    at: Moment


class Behaviour(Message):
    """Counts and last times by kind and by channel."""

    events: int = 0
    by_kind: dict[str, int] = Field(default_factory=dict)
    by_channel: dict[str, int] = Field(default_factory=dict)
    last_at: dict[str, Moment] = Field(default_factory=dict)
    categories: dict[str, int] = Field(default_factory=dict)


class Profile(Message):
    """A snapshot (topic profiles.changed, key profile id). The newest version of an id counts.

    With `merged_into` set the profile joined another one and carries no facts any more. With
    `erased` the person was erased: forget all that is known under this id.
    Sections from `payments` on are left out while there is nothing in them.
    `more_identifiers`: so many weak ones (anonymous ids) are folded into others and not listed.
    `conflicts`: the newest of the `refused_links`, each a pair of identifiers.
    `rebuilt` (left out when false): what is new in it was found by making the profile again from
    the log, and not said by an event; effects of that are recorded, not sent. `rebuilt_version`
    (left out when 0): the newest version that was made so. Who knows only an older one learns by
    this snapshot what the rebuild found.
    """

    workspace: Name
    profile_id: UUID
    version: int
    updated_at: Moment
    merged_into: UUID | None = None
    rebuilt: bool = False
    rebuilt_version: int = 0
    identifiers: tuple[Identifier, ...] = ()
    more_identifiers: int = 0
    refused_links: int = 0
    conflicts: tuple[Conflict, ...] = ()
    traits: dict[str, Trait] = Field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    memberships: tuple[AccountMembership, ...] = ()
    first_seen_at: Moment | None = None
    last_seen_at: Moment | None = None
    behaviour: Behaviour = Behaviour()
    purchases: Purchases = Purchases()
    service: Service = Service()
    payments: Payments = Payments()
    sales: Sales = Sales()
    loyalty: Loyalty = Loyalty()
    marketing: Marketing = Marketing()
    consent: dict[str, Consent] = Field(default_factory=dict)
    preferences: Preferences = Preferences()
    quality: Quality = Quality()
    erased: bool = False


__all__ = ["Behaviour", "OpenComplaint", "Profile", "Purchases", "Service", "Trait"]
