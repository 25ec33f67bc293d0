"""The messages of scores.changed as msgspec writes them: schemas.scores, field by field.

Moments and amounts are text already, NaN is written as null. A test holds them against each
other.
"""

from __future__ import annotations

from datetime import date

import msgspec

from services.scoring.domain.reasons import Reasons


class Rfm(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.Rfm"""

    recency: int
    frequency: int
    monetary: int
    segment: str
    recency_days: float
    orders: int
    revenue: str


class AliveBelow(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.AliveBelow"""

    threshold: float
    at: str


class Churn(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.Churn"""

    p_alive: float
    churn_probability: float
    basis: str
    alive_below: tuple[AliveBelow, ...]


class Clv(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.Clv"""

    historic: str
    predicted_12m: str
    total: str
    currency: str
    expected_orders_12m: float
    expected_orders_30d: float
    expected_next_order_at: str | None
    average_days_between_orders: float


class Permission(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.Permission, as it also stands in a snapshot's consent."""

    allowed: bool
    expires_on: date | None = None


class JourneyFacts(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.JourneyFacts"""

    orders: int
    purchase_days: int
    revenue: str
    first_seen_at: str | None
    last_seen_at: str | None
    last_order_at: str | None
    average_days_between_orders: float | None
    high_value: bool
    complaints: int
    open_complaints: msgspec.Raw
    nps_last: float | None
    conflicts: msgspec.Raw
    consent: dict[str, Permission]


class Redirect(msgspec.Struct, frozen=True, gc=False):
    """The fields that schemas.scores.Scores always has."""

    workspace: str
    profile_id: str
    version: int
    profile_version: int
    model_version: int
    as_of: str
    merged_into: str | None


class Merged(Redirect, frozen=True, gc=False, omit_defaults=True):
    """schemas.scores.Scores of a profile that joined another one."""

    rebuilt: bool = False


class Erased(Redirect, frozen=True, gc=False):
    """schemas.scores.Scores of somebody who was erased."""

    erased: bool = True


class Scores(Redirect, frozen=True, gc=False, omit_defaults=True):
    """schemas.scores.Scores; what is hardly ever said is left out."""

    rfm: Rfm | None
    churn: Churn | None
    clv: Clv | None
    value_segment: str | None
    missing: dict[str, str]
    reasons: Reasons
    facts: JourneyFacts
    rebuilt: bool = False
    rebuilt_version: int = 0
