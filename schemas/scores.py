"""Scores of one profile: pure functions of (snapshot, model, as-of time), each with its reasons."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name
from schemas.money import Currency
from schemas.profile import Conflict, OpenComplaint


class Rfm(Message):
    """Quintile ranks 1-5 (5 best) and the named segment."""

    recency: int = Field(ge=1, le=5)
    frequency: int = Field(ge=1, le=5)
    monetary: int = Field(ge=1, le=5)
    segment: str
    recency_days: float
    orders: int
    revenue: Decimal


class AliveBelow(Message):
    """The moment from which P(alive) is below a threshold, if no order comes (may be past)."""

    threshold: float
    at: Moment


class Churn(Message):
    """P(alive) as of `as_of`; `basis` says which signal (bg_nbd, or first_gap_survival for x=0)."""

    p_alive: float
    churn_probability: float
    basis: Literal["bg_nbd", "first_gap_survival"]
    alive_below: tuple[AliveBelow, ...] = Field(
        default=(), description="for every threshold of the workspace, highest first"
    )


class Clv(Message):
    """Money in the workspace's currency; predicted for 12 months, discounted."""

    historic: Decimal
    predicted_12m: Decimal
    total: Decimal
    currency: Currency
    expected_orders_12m: float
    expected_orders_30d: float
    expected_next_order_at: Moment | None = None
    average_days_between_orders: float | None = None


class Permission(Message):
    """The newest word on one purpose of consent; `expires_on` is the last day (UTC) it holds."""

    allowed: bool
    expires_on: date | None = None


class JourneyFacts(Message):
    """What journey needs from the snapshot, so that it reads one topic only."""

    orders: int = 0
    purchase_days: int = 0
    revenue: Decimal = Decimal(0)
    first_seen_at: Moment | None = None
    last_seen_at: Moment | None = None
    last_order_at: Moment | None = None
    average_days_between_orders: float | None = None
    high_value: bool = False
    complaints: int = 0
    open_complaints: tuple[OpenComplaint, ...] = ()
    nps_last: float | None = None
    conflicts: tuple[Conflict, ...] = ()
    consent: dict[str, Permission] = Field(default_factory=dict)


class Scores(Message):
    """Topic scores.changed, key profile id.

    `version` = profile_version + model_version: it grows whenever either does, so the newest of
    both always wins. With `merged_into` set the profile joined another one: its scores are gone.
    With `erased` the person was erased: forget all that is known under this id.
    """

    workspace: Name
    profile_id: UUID
    version: int
    profile_version: int
    model_version: int = 0
    as_of: Moment
    merged_into: UUID | None = None
    rfm: Rfm | None = None
    churn: Churn | None = None
    clv: Clv | None = None
    value_segment: Literal["high_value", "potential", "long_tail", "low_value"] | None = None
    missing: dict[str, str] = Field(
        default_factory=dict, description="score -> why there is none (never a guess)"
    )
    reasons: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    facts: JourneyFacts = JourneyFacts()
    erased: bool = False
    rebuilt: bool = Field(
        default=False, description="the snapshot's; left out when false (see Profile)"
    )
    rebuilt_version: int = Field(
        default=0, description="the snapshot's; left out when 0 (see Profile)"
    )
