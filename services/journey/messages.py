"""scores.changed as journey reads it: only the fields that decisions need, by msgspec."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import msgspec

from schemas.base import micros
from services.journey.domain.alerts import CONFLICT_REASONS
from services.journey.domain.customer import NEVER, Complaint, Conflict, Facts, Permission
from services.journey.domain.moments import DAY_US


class OpenComplaint(msgspec.Struct, frozen=True, gc=False):
    """schemas.profile.OpenComplaint, as far as it is decided on."""

    complaint_id: str
    received_at: datetime
    severity: int
    event_id: UUID


class RefusedLink(msgspec.Struct, frozen=True, gc=False):
    """schemas.profile.Conflict."""

    kinds: tuple[str, ...]
    reason: str
    event_id: UUID
    at: datetime


class AliveBelow(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.AliveBelow."""

    threshold: float
    at: datetime


class Churn(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.Churn, as far as it is decided on."""

    alive_below: tuple[AliveBelow, ...] = ()


class SaidOfPurpose(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.Permission."""

    allowed: bool
    expires_on: date | None = None


class JourneyFacts(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.JourneyFacts, as far as it is decided on."""

    orders: int = 0
    purchase_days: int = 0
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    last_order_at: datetime | None = None
    average_days_between_orders: float | None = None
    high_value: bool = False
    complaints: int = 0
    open_complaints: tuple[OpenComplaint, ...] = ()
    conflicts: tuple[RefusedLink, ...] = ()
    consent: dict[str, SaidOfPurpose] = {}


class Scores(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.Scores, as far as it is decided on."""

    workspace: str
    profile_id: UUID
    version: int
    profile_version: int
    as_of: datetime
    merged_into: UUID | None = None
    erased: bool = False
    churn: Churn | None = None
    facts: JourneyFacts = JourneyFacts()
    rebuilt: bool = False
    rebuilt_version: int = 0


_decode = msgspec.json.Decoder(Scores).decode


def decode(value: bytes) -> Scores:
    """One record of scores.changed. msgspec.DecodeError (or ValueError) when it is none."""
    return _decode(value)


def facts_of(scores: Scores) -> Facts:
    """The facts of a message, moments in µs."""
    facts = scores.facts
    return Facts(
        version=scores.version,
        profile_version=scores.profile_version,
        as_of_us=_us(scores.as_of),
        merged_into=_merged_into(scores),
        orders=facts.orders,
        purchase_days=facts.purchase_days,
        first_seen_us=_us(facts.first_seen_at) if facts.first_seen_at else 0,
        last_seen_us=_us(facts.last_seen_at) if facts.last_seen_at else 0,
        last_order_us=_us(facts.last_order_at) if facts.last_order_at else 0,
        gap_days=facts.average_days_between_orders or 0.0,
        high_value=facts.high_value,
        complaints_received=facts.complaints,
        complaints=tuple(map(_complaint, facts.open_complaints)),
        alive_below=_alive_below(scores.churn) if scores.churn else None,
        conflicts=_conflicts(facts.conflicts) if facts.conflicts else (),
        rebuilt=scores.rebuilt,
        rebuilt_us=scores.rebuilt_version,
        consents=_consents(facts.consent) if facts.consent else (),
    )


def _merged_into(scores: Scores) -> bytes:
    """Who was erased joined nobody but themselves."""
    if scores.erased:
        return scores.profile_id.bytes
    return scores.merged_into.bytes if scores.merged_into else b""


def _complaint(complaint: OpenComplaint) -> Complaint:
    received_us = _us(complaint.received_at)
    return Complaint(
        complaint.event_id.bytes, received_us, complaint.severity, complaint.complaint_id
    )


def _consents(said: dict[str, SaidOfPurpose]) -> tuple[Permission, ...]:
    """By purpose, so that the same is equal. A day that is named still counts (UTC)."""
    return tuple(
        Permission(purpose, one.allowed, _after(one.expires_on) if one.expires_on else NEVER)
        for purpose, one in sorted(said.items())
    )


def _after(day: date) -> int:
    return _us(datetime(day.year, day.month, day.day, tzinfo=UTC)) + DAY_US


def _conflicts(refused: tuple[RefusedLink, ...]) -> tuple[Conflict, ...]:
    """Those that somebody should look at."""
    return tuple(
        Conflict(one.event_id.bytes, _us(one.at), one.reason, one.kinds)
        for one in refused
        if one.reason in CONFLICT_REASONS
    )


def _alive_below(churn: Churn) -> dict[float, int]:
    return {below.threshold: _us(below.at) for below in churn.alive_below}


def _us(moment: datetime) -> int:
    return micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
