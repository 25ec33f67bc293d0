"""One call as bytes → one record: an accepted touchpoint, or a dead letter with the reason.

The draft is made by the pure domain; here pydantic validates the properties of its kind (the only
part that is not right by construction) and dumps them once. A contract test holds the envelope,
which msgspec writes, against the pydantic model.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import ValidationError

from schemas.base import derived_id
from schemas.cloudevents import headers
from schemas.dead_letter import DeadLetter, Reason
from schemas.topics import ACCEPTED
from schemas.touchpoints import KINDS
from services.common.batch import Output, Record
from services.common.dead_letters import as_output
from services.common.workspace import Workspace
from services.ingest.domain.depth import is_too_deep
from services.ingest.domain.draft import Draft, Origin, drafted, merged_context
from services.ingest.domain.identity import strongest
from services.ingest.domain.ids import Router
from services.ingest.domain.refusal import Refusal
from services.ingest.repair import repaired

log = logging.getLogger(__name__)

EVENT_BYTES_MAX: Final = 32 * 1024
DETAIL_CHARACTERS_MAX: Final = 2_000
#: Kafka takes messages of 1 MB; base64 makes four bytes of three.
ORIGINAL_BYTES_MAX: Final = 600_000

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_validators: Final[Mapping[str, Callable[[Any], Any]]] = {
    kind: model.__pydantic_validator__.validate_python for kind, model in KINDS.items()
}
_dumpers: Final[Mapping[str, Callable[[Any], bytes]]] = {
    kind: model.__pydantic_serializer__.to_json for kind, model in KINDS.items()
}


class Verdict(NamedTuple):
    """What to publish, and what it counts as: a kind when accepted, a reason when refused."""

    output: Output
    kind: str | None
    reason: Reason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What all calls of one request share. Spelled times are made once for all of them."""

    received_at: datetime
    received_at_text: str
    call_type: str | None = None
    sent_at: object = None
    context: Mapping[str, Any] | None = None


def arrival(received_at: datetime, **shared: Any) -> Arrival:
    return Arrival(received_at, _spelled(received_at), **shared)


class Door:
    """Lets the calls of one source of one workspace in. Pure but for the log of our own errors."""

    def __init__(self, workspace: Workspace, source: str, salt: str) -> None:
        blocked = {
            rule.kind: frozenset(value.casefold() for value in rule.blocked)
            for rule in workspace.identity.kinds
        }
        self.source = source
        self.workspace = workspace.name
        self._origin = Origin(workspace.name, source, workspace.currency, blocked)
        self._router = Router(salt, workspace.name)
        self._headers = tuple(
            headers(ACCEPTED.name, event_id="", time="", workspace=workspace.name, subject="")
        )

    def admit(self, raw: bytes, arrival: Arrival, record: Record | None = None) -> Verdict:
        """The verdict on one call; `record` is given when it came from the log."""
        call: object = None
        try:
            if len(raw) > EVENT_BYTES_MAX:
                return self.refuse(raw, arrival, _too_large(raw), None, record)
            call = decoded(raw)
            if isinstance(call, Refusal):
                return self.refuse(raw, arrival, call, None, record)
            if not isinstance(call, dict):
                refusal = Refusal(Reason.NOT_AN_OBJECT, "a call is a JSON object")
                return self.refuse(raw, arrival, refusal, None, record)
            return self._admitted(call, raw, arrival, record)
        except Exception as error:  # our own mistake must not stop the others of the batch
            log.exception("a call could not be handled; it is kept as a dead letter")
            refusal = Refusal(Reason.POISON, f"{type(error).__name__}: {error}")
            return self.refuse(raw, arrival, refusal, call, record)

    def refuse(
        self,
        raw: bytes,
        arrival: Arrival,
        refusal: Refusal,
        call: object = None,
        record: Record | None = None,
    ) -> Verdict:
        """The dead letter of a call, or of a whole request that could not be read."""
        letter = DeadLetter(
            workspace=self.workspace,
            event_id=derived_id("dead", "ingest", self.source, _content(raw, record).hex()),
            service="ingest",
            reason=refusal.reason,
            detail=refusal.detail[:DETAIL_CHARACTERS_MAX],
            field=refusal.field,
            source=self.source,
            message_id=_message_id(call),
            original=b64encode(raw[:ORIGINAL_BYTES_MAX]).decode(),
            topic=record.topic if record else None,
            partition=record.partition if record else None,
            offset=record.offset if record else None,
            at=arrival.received_at,
        )
        key = record.topic if record else self.source
        return Verdict(as_output(letter, key=key), None, refusal.reason, refusal.detail)

    def _admitted(
        self, call: dict[str, Any], raw: bytes, arrival: Arrival, record: Record | None
    ) -> Verdict:
        if arrival.call_type is not None:
            call["type"] = arrival.call_type
        if arrival.sent_at is not None and call.get("sentAt") is None:
            call["sentAt"] = arrival.sent_at
        if arrival.context:
            call["context"] = merged_context(arrival.context, call.get("context"))
        draft = drafted(call, self._origin, arrival.received_at, _content(raw, record))
        if isinstance(draft, Refusal):
            return self.refuse(raw, arrival, draft, call, record)
        kind = draft.properties["kind"]
        try:
            properties = _dumpers[kind](_validators[kind](draft.properties))
        except ValidationError as error:
            return self.refuse(raw, arrival, _bad_properties(error), call, record)
        return Verdict(self._accepted(draft, properties, arrival), kind)

    def _accepted(self, draft: Draft, properties: bytes, arrival: Arrival) -> Output:
        key = self._router.key(*strongest(draft.identifiers)).encode()
        occurred_at = _spelled(draft.occurred_at)
        envelope = {
            "workspace": self.workspace,
            "source": self.source,
            "event_id": draft.event_id,
            "message_id": draft.message_id,
            "occurred_at": occurred_at,
            "received_at": arrival.received_at_text,
            "identifiers": [{"kind": kind, "value": value} for kind, value in draft.identifiers],
            "channel": draft.channel,
            "properties": msgspec.Raw(properties),
            "context": draft.context,
        }
        version, _, ce_type, source, _, _, content_type = self._headers
        marks = (
            version,
            ("ce_id", draft.event_id.encode()),
            ce_type,
            source,
            ("ce_time", occurred_at.encode()),
            ("ce_subject", key),
            content_type,
        )
        return Output(ACCEPTED.name, key, _encode(envelope), marks)


def decoded(raw: bytes) -> Any | Refusal:
    """The JSON value of these bytes. Depth is looked at before a parser is."""
    if is_too_deep(raw):
        return Refusal(Reason.TOO_DEEP, "JSON nests deeper than 32 levels")
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mended = repaired(raw)
        if mended is None:
            return Refusal(Reason.MALFORMED_JSON, f"not JSON in UTF-8: {error}")
        return _decode(mended)


def _spelled(moment: datetime) -> str:
    """schemas.cloudevents.rfc3339, several times as fast; the moment is in UTC."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def _content(raw: bytes, record: Record | None) -> bytes:
    """What names a call without a messageId: its place in the log, else its bytes."""
    return f"{record.topic}/{record.partition}/{record.offset}".encode() if record else raw


def _message_id(call: object) -> str | None:
    value = call.get("messageId") if isinstance(call, dict) else None
    return value[:200] if isinstance(value, str) and value else None


def _too_large(raw: bytes) -> Refusal:
    return Refusal(Reason.TOO_LARGE, f"a call of {len(raw)} bytes; at most {EVENT_BYTES_MAX}")


def _bad_properties(error: ValidationError) -> Refusal:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    texts = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:10]]
    first = ".".join(map(str, faults[0]["loc"])) or None
    return Refusal(Reason.BAD_PROPERTIES, "; ".join(texts), first)
