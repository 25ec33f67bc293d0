"""touchpoints.accepted → events: msgspec reads only what identity and folds need.

A door (ingest) has validated the touchpoint already; here a wrong one is still a value, a
Refusal, never an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec

from schemas.dead_letter import Reason
from services.common.batch import Record
from services.profile.domain import event as seen
from services.profile.domain.event import Event, Facts, Name
from services.profile.domain.ids import uuid_bytes
from services.profile.domain.part import KINDS

_KIND_BEGINS: Final = b'{"kind":"'
_KINDS: Final = {kind.encode(): kind for kind in KINDS}


class Envelope(msgspec.Struct, gc=False):
    """The fields of a touchpoint that are read; the rest is left as it is."""

    workspace: str
    source: str
    event_id: str
    message_id: str
    occurred_at: str
    received_at: str
    identifiers: list[Name]
    properties: msgspec.Raw
    channel: str | None = None


class _Kind(msgspec.Struct, gc=False):
    kind: str


class _Traits(msgspec.Struct):
    traits: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)


@dataclass(slots=True)
class Arrival:
    """An event with the record it came in. `occurred_at` as it is written there."""

    record: Record
    event: Event
    message_id: str
    event_id: str
    occurred_at: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that becomes a dead letter."""

    record: Record
    reason: Reason
    detail: str
    workspace: str = "unknown"


@dataclass(slots=True)
class Read:
    """All records of a batch, understood or refused."""

    arrivals: list[Arrival] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def _identified(properties: msgspec.Raw) -> seen.Identified:
    traits = _TRAITS.decode(properties).traits
    return seen.Identified({name: bytes(value) for name, value in traits.items()})


def _counted(properties: msgspec.Raw) -> seen.Counted:
    return _COUNTED


_COUNTED: Final = seen.Counted()
_TRAITS: Final = msgspec.json.Decoder(_Traits)
_KIND: Final = msgspec.json.Decoder(_Kind)
_ENVELOPE: Final = msgspec.json.Decoder(Envelope)

#: Kind of touchpoint -> how its properties are read. Kinds that are only counted are not here.
FACTS: Final[dict[str, Callable[[msgspec.Raw], Facts]]] = {
    "page_viewed": msgspec.json.Decoder(seen.Viewed).decode,
    "product_viewed": msgspec.json.Decoder(seen.Viewed).decode,
    "order_completed": msgspec.json.Decoder(seen.Ordered).decode,
    "order_refunded": msgspec.json.Decoder(seen.Refunded).decode,
    "call_completed": msgspec.json.Decoder(seen.Called).decode,
    "complaint_received": msgspec.json.Decoder(seen.Complained).decode,
    "complaint_handled": msgspec.json.Decoder(seen.Handled).decode,
    "survey_answered": msgspec.json.Decoder(seen.Surveyed).decode,
    "identified": _identified,
    "aliased": msgspec.json.Decoder(seen.Aliased).decode,
    "account_linked": msgspec.json.Decoder(seen.Linked).decode,
}


def read(records: Sequence[Record]) -> Read:
    """Every record as an Arrival or a Refusal."""
    result = Read()
    for record in records:
        try:
            envelope = _ENVELOPE.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            result.refusals.append(_undecodable(record, error))
            continue
        try:
            result.arrivals.append(_arrival(record, envelope))
        except (ValueError, OverflowError, RecursionError) as error:
            reason = Reason.BAD_PROPERTIES
            result.refusals.append(Refusal(record, reason, str(error), envelope.workspace))
    return result


def _undecodable(record: Record, error: Exception) -> Refusal:
    if isinstance(error, msgspec.ValidationError):
        return Refusal(record, Reason.BAD_PROPERTIES, str(error))
    return Refusal(record, Reason.MALFORMED_JSON, str(error))


def _arrival(record: Record, envelope: Envelope) -> Arrival:
    kind = _kind_of(envelope.properties)
    event = Event(
        envelope.workspace,
        envelope.source,
        uuid_bytes(envelope.event_id),
        moment_of(envelope.occurred_at),
        moment_of(envelope.received_at),
        kind,
        FACTS.get(kind, _counted)(envelope.properties),
        envelope.channel,
        names=envelope.identifiers,
    )
    return Arrival(record, event, envelope.message_id, envelope.event_id, envelope.occurred_at)


def _kind_of(properties: msgspec.Raw) -> str:
    """`kind` stands first where ingest wrote it; read the object where it does not."""
    raw = bytes(properties)
    if raw.startswith(_KIND_BEGINS):
        kind = _KINDS.get(raw[len(_KIND_BEGINS) : raw.find(b'"', len(_KIND_BEGINS))])
        if kind is not None:
            return kind
    return _KIND.decode(raw).kind


def moment_of(written: str) -> datetime:
    """The moment of an RFC 3339 time, in UTC; without a zone it is UTC. ValueError: none."""
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
