"""One Segment call as a touchpoint-to-be: who, when, of what kind; or why it is refused.

Pure: the arrival time comes in, ids are derived. What is left to do at the door is to validate
the properties against the model of their kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.dead_letter import Reason
from services.ingest.domain import ids
from services.ingest.domain.clock import occurred_at
from services.ingest.domain.context import channel_of, kept
from services.ingest.domain.identity import Blocked, Known, identifiers_of
from services.ingest.domain.kinds import fields_of, properties_of
from services.ingest.domain.refusal import Refusal

Call = dict[str, Any]
Fields = dict[str, Any]

#: A tuple, since a sender may put a list where a text belongs, and lists cannot be in a set.
CALL_TYPES: Final = ("track", "identify", "page", "screen", "group", "alias")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where calls come from, and what that workspace says about them."""

    workspace: str
    source: str
    currency: str
    blocked: Blocked


@dataclass(slots=True)
class Draft:
    """A touchpoint-to-be: its properties are in shape, and the door still has to validate them."""

    kind: str
    message_id: str
    event_id: str
    occurred_at: datetime
    identifiers: tuple[Known, ...]
    channel: str | None
    properties: Any
    context: Fields


def drafted(call: Call, origin: Origin, received_at: datetime) -> Draft | Refusal:
    """The draft of a call that has a messageId."""
    message_id = _message_id(call)
    if isinstance(message_id, Refusal):
        return message_id
    if call.setdefault("type", None) not in CALL_TYPES:
        return _unknown_type(call["type"])
    parts = _parts(call)
    if isinstance(parts, Refusal):
        return parts
    context, traits, described_by = parts
    notes: Fields = {}
    properties = properties_of(call, traits, origin.currency, origin.blocked)
    if isinstance(properties, Refusal):
        return properties
    identifiers = identifiers_of(call, described_by, origin.blocked, notes)
    if isinstance(identifiers, Refusal):
        return identifiers
    moment = occurred_at(call, received_at, notes)
    if isinstance(moment, Refusal):
        return moment
    keeps = kept(context)
    if notes:
        keeps["ingest"] = notes
    kind = properties["kind"]
    return Draft(
        kind,
        message_id,
        ids.event_id(origin.workspace, message_id),
        moment,
        identifiers,
        channel_of(call, context, properties, kind),
        properties,
        keeps,
    )


def _message_id(call: Call) -> str | Refusal:
    value = call.get("messageId")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and 0 < len(value) <= ids.MESSAGE_ID_CHARACTERS_MAX:
        return value
    detail = "messageId is not a text of fewer than 100 characters"
    return Refusal(Reason.BAD_IDENTIFIER, detail, "messageId")


def merged_context(batch: Mapping[str, Any], own: object) -> object:
    """A batch's context under an item's own; a null of the item hides nothing."""
    if own is None:
        return dict(batch)
    if not isinstance(own, dict):
        return own
    return {**batch, **{name: value for name, value in own.items() if value is not None}}


def _parts(call: Call) -> tuple[Fields, Fields, tuple[Fields, ...]] | Refusal:
    """(context, traits of an identify, objects that may hold an e-mail or a phone).

    A group's traits describe the account and its properties nobody, so neither names the person.
    """
    context = fields_of(call, "context")
    if isinstance(context, Refusal):
        return context
    of_context = context.get("traits")
    if not isinstance(of_context, dict):
        of_context = {}
    if call["type"] == "identify":
        own = fields_of(call, "traits")
        if isinstance(own, Refusal):
            return own
        return context, {**of_context, **own} if of_context else own, (own, of_context)
    sent = call.get("properties")
    if isinstance(sent, dict) and call["type"] != "group":
        return context, {}, (of_context, sent)
    return context, {}, (of_context,)


def _unknown_type(value: object) -> Refusal:
    detail = f"type is none of {', '.join(CALL_TYPES)}: {str(value)[:100]!r}"
    return Refusal(Reason.UNKNOWN_TYPE, detail, "type")
