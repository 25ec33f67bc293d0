"""What the profile API answers, besides the profile itself (schemas/profile.py).

Where a key may not see personal data, identifiers and personal values are `***`.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment
from schemas.identifier import Identifier
from schemas.lifecycle import Stage
from schemas.profile import Profile
from schemas.profile_asked import Cursor
from schemas.profile_sections import Consent


class Problem(Message):
    """Every answer that is not a success."""

    code: str = Field(examples=["not_found"])
    message: str


class TimelineEvent(Message):
    """A touchpoint that counts for the person."""

    event_id: UUID
    kind: str
    occurred_at: Moment
    received_at: Moment
    source: str
    channel: str | None = None
    message_id: str
    identifiers: tuple[Identifier, ...] = ()
    properties: dict[str, Any] = Field(default_factory=dict)


class TimelinePage(Message):
    """Newest first."""

    profile_id: UUID
    items: tuple[TimelineEvent, ...] = ()
    next: Cursor | None = None


class KnownIdentifier(Message):
    """An identifier of the person. `identifier_id` names it where its value is masked, too."""

    identifier_id: UUID
    kind: str
    value: str
    first_seen_at: Moment | None = Field(
        default=None, description="Of the events that count for it; null: none does"
    )
    last_seen_at: Moment | None = None


class IdentityLink(Message):
    """Two identifiers, and the earliest event that ties them."""

    one: UUID
    other: UUID
    rule: str = Field(
        description="together: one event carried both; aliased: an alias said so; requested: a "
        "person did; parted: a person took them apart; ..._public: with a key that is public",
        examples=["together"],
    )
    at: Moment
    event_id: UUID
    joins: bool = Field(description="Whether both are this person's")


class RefusedTie(Message):
    """What would tie one of the identifiers to another one, and does not."""

    one: UUID
    other: UUID
    rule: str
    reason: str = Field(examples=["limit", "public_key", "set_apart", "hub"])
    at: Moment
    event_id: UUID


class Links(Message):
    """Why this is one person: `links` are all that touch one of the identifiers. `refused_links`
    counts those of a hub, too, of which not all are known."""

    profile_id: UUID
    version: int
    identifiers: tuple[KnownIdentifier, ...]
    links: tuple[IdentityLink, ...]
    refused: tuple[RefusedTie, ...]
    refused_links: int


class TieEnd(Message):
    """An identifier; null: it is elsewhere, and its value is not known there."""

    kind: str
    value: str | None


class Tie(Message):
    """One link of a chain, and why it joined nobody, if so."""

    one: TieEnd
    other: TieEnd
    event_id: UUID
    at: Moment
    says: str = Field(examples=["seen together"])
    key: Literal["trusted", "public"]
    refused: str | None = Field(default=None, examples=["limit"])
    because: str | None = None


class WhyAnswer(Message):
    """`chain`: the links from the one to the other; `apart`: what holds people of it apart.
    `profiles`: whom the two count for (null: nobody yet)."""

    answer: Literal["one_person", "refused", "nothing"]
    profiles: tuple[UUID | None, UUID | None]
    chain: tuple[Tie, ...]
    apart: tuple[Tie, ...]


class MergedProfile(Message):
    """A profile id that leads to this person."""

    profile_id: UUID
    first_seen_at: Moment
    last_seen_at: Moment
    merged_at: Moment | None = Field(
        default=None, description="When it was redirected; null: not in the columns (yet)"
    )


class Merges(Message):
    """Profiles that became this one, the newest last."""

    profile_id: UUID
    version: int
    merged: tuple[MergedProfile, ...]


class ShownScores(Message):
    """The newest scores of the columns; what is null is told in `missing`, and why."""

    profile_id: UUID
    version: int
    model_version: int
    as_of: Moment
    recency: int | None = Field(default=None, description="1-5, 5 best")
    frequency: int | None = None
    monetary: int | None = None
    segment: str | None = None
    recency_days: float | None = None
    p_alive: float | None = None
    churn_probability: float | None = None
    churn_basis: str | None = None
    clv_historic: Decimal | None = None
    clv_predicted_12m: Decimal | None = None
    clv_total: Decimal | None = None
    clv_currency: str | None = None
    expected_orders_12m: float | None = None
    expected_orders_30d: float | None = None
    expected_next_order_at: Moment | None = None
    average_days_between_orders: float | None = None
    value_segment: str | None = None
    high_value: bool = False
    missing: dict[str, str] = Field(default_factory=dict)
    reasons: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class StageChange(Message):
    """One transition, with its cause."""

    event_id: UUID
    from_stage: Stage | None
    to_stage: Stage
    won_back: bool
    at: Moment
    cause: str
    cause_detail: str
    cause_event_id: UUID | None = None


class ShownStage(Message):
    """Where the person is in the lifecycle; `history`: the newest transitions, newest first."""

    profile_id: UUID
    stage: Stage
    since: Moment
    history: tuple[StageChange, ...]


class ShownConsent(Message):
    """What the person allowed and forbade, as the profile at this version knows it."""

    profile_id: UUID
    version: int
    consent: dict[str, Consent]


class FoundProfile(Message):
    """One of the profiles that were searched for."""

    profile_id: UUID
    version: int
    identifiers: tuple[Identifier, ...]
    first_seen_at: Moment | None
    last_seen_at: Moment | None
    orders: int
    revenue: Decimal
    currency: str
    segment: str | None = None
    value_segment: str | None = None
    stage: Stage | None = None


class SearchPage(Message):
    """In no order that means anything, but always the same one."""

    items: tuple[FoundProfile, ...] = ()
    next: Cursor | None = None


class MergeTaken(Message):
    """The request is in the log; it has its effect when the profile service has read it."""

    event_id: UUID
    message_id: str
    one_person: bool = Field(description="Whether they were one person when it was asked")
    unknown: tuple[str, ...] = Field(
        default=(), description="`one` or `other`, where no event has named that identifier yet"
    )


class ChangeKind(StrEnum):
    """What happened to a profile."""

    CHANGED = "changed"
    MERGED = "merged"
    ERASED = "erased"


class Change(Message):
    """A profile has a new version. Delivered at least once: the newest version of an id counts."""

    change: ChangeKind
    profile_id: UUID
    version: int
    updated_at: Moment
    merged_into: UUID | None = None
    profile: Profile | None = Field(default=None, description="With include=profile")


class FeedEvent(Message):
    """A change, or a beat without one; `cursor` is where to go on."""

    cursor: str
    change: Change | None = None
