"""touchpoints.accepted → events: msgspec reads only what identity and folds need.

A door (ingest) has validated the touchpoint already; here a wrong one is still a value, a
Refusal, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from schemas.dead_letter import Reason
from services.common.batch import Record
from services.profile.domain.event import Event, Name
from services.profile.domain.folds.facts import Facts
from services.profile.domain.folds.habit import DEVICE_CHARACTERS_MAX, device_of
from services.profile.domain.folds.table import ANY_FACTS, KIND_OF
from services.profile.domain.ids import uuid_bytes
from services.profile.domain.part import KIND_CODES, KindCode

Properties = TypeVar("Properties")


class Context(msgspec.Struct, frozen=True, gc=False):
    """Where an event came from, as far as it tells the device: of any type, as senders say it."""

    device: Any = None
    user_agent: Any = msgspec.field(name="userAgent", default=None)


class Envelope(msgspec.Struct, Generic[Properties], gc=False):
    """The fields of a touchpoint that are read; the rest is left as it is."""

    workspace: str
    source: str
    event_id: str
    message_id: str
    occurred_at: str
    received_at: str
    identifiers: list[Name]
    properties: Properties
    channel: str | None = None
    public: bool = False
    context: Context = Context()


class _Kind(msgspec.Struct, gc=False):
    kind: str


class Arrival(msgspec.Struct, gc=False):
    """An event with the record it came in. `occurred_at` as it is written there.

    `message`: the hash of its message id, which is remembered in that `week`.
    """

    record: Record
    event: Event
    message_id: str
    event_id: str
    occurred_at: str
    message: int = 0
    week: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that becomes a dead letter."""

    record: Record
    reason: Reason
    detail: str
    workspace: str = "unknown"


_COUNTED: Final = Facts()
_WITH_FACTS: Final = frozenset(KIND_OF.values())
_KNOWN: Final[msgspec.json.Decoder[Envelope[Any]]] = msgspec.json.Decoder(Envelope[ANY_FACTS])
_ANY: Final = msgspec.json.Decoder(Envelope[_Kind])
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read(record: Record) -> Arrival | Refusal:
    """A record as the event that it is, without its nodes; or why it is none."""
    try:
        envelope = _KNOWN.decode(record.value)
    except _UNDECODABLE as error:
        return _read_unknown(record, error)
    facts = envelope.properties
    return _arrived(record, envelope, KIND_OF[type(facts)], facts)


def _read_unknown(record: Record, error: Exception) -> Arrival | Refusal:
    """A kind without facts, of a later version for example, is counted; all else is wrong."""
    try:
        envelope = _ANY.decode(record.value)
    except _UNDECODABLE as undecodable:
        wrong = isinstance(undecodable, msgspec.ValidationError)
        reason = Reason.BAD_PROPERTIES if wrong else Reason.MALFORMED_JSON
        return Refusal(record, reason, str(undecodable))
    kind = KIND_CODES.get(envelope.properties.kind, envelope.properties.kind)
    if kind in _WITH_FACTS:
        return Refusal(record, Reason.BAD_PROPERTIES, str(error), envelope.workspace)
    return _arrived(record, envelope, kind, _COUNTED)


def _arrived(
    record: Record,
    envelope: Envelope[Any] | Envelope[_Kind],
    kind: KindCode,
    facts: Any,
) -> Arrival | Refusal:
    written = envelope.occurred_at
    try:
        event = Event(
            envelope.workspace,
            envelope.source,
            uuid_bytes(envelope.event_id),
            moment_of(written),
            moment_of(envelope.received_at),
            kind,
            facts,
            envelope.channel,
            envelope.identifiers,
            public=envelope.public,
            device=_device(envelope.context),
        )
    except (ValueError, OverflowError) as error:
        return Refusal(record, Reason.BAD_PROPERTIES, str(error), envelope.workspace)
    return Arrival(record, event, envelope.message_id, envelope.event_id, written)


def _device(context: Context) -> str | None:
    """What sort of device it was: what a browser says of itself, else what an app says."""
    agent, device = context.user_agent, context.device
    if isinstance(agent, str) and agent.startswith("Mozilla/"):
        return device_of(agent)
    if isinstance(device, dict) and isinstance(device.get("type"), str):
        return device["type"].lower()[:DEVICE_CHARACTERS_MAX] or None
    return None


def moment_of(written: str) -> datetime:
    """The moment of an RFC 3339 time, in UTC; without a zone it is UTC. ValueError: none."""
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
