"""One Segment call as a touchpoint-to-be: who, when, of what kind; or why it is refused.

Pure: the arrival time comes in, ids are derived. What is left to do at the door is to validate
the properties against the model of their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from schemas.base import EPOCH
from schemas.dead_letter import Reason
from services.ingest.domain import ids
from services.ingest.domain.clock import occurred_at
from services.ingest.domain.context import channel_of, kept
from services.ingest.domain.identity import Known, Names
from services.ingest.domain.kinds import fields_of, properties_of
from services.ingest.domain.refusal import Refusal, Violated

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
    names: Names
    public: bool = False


@dataclass(slots=True)
class Draft:
    """A call on its way: each stage fills in what it is named after.

    `properties` are a fresh object first, then (at the door) a valid model, then its JSON.
    """

    call: Call
    origin: Origin
    received_at: datetime
    message_id: str = ""
    event_id: str = ""
    kind: str = ""
    properties: Any = None
    identifiers: tuple[Known, ...] = ()
    occurred_at: datetime = EPOCH
    channel: str | None = None
    context: Fields = field(default_factory=dict)
    notes: Fields = field(default_factory=dict)
    violated: Violated | None = None


Stage = Callable[[Draft], Draft | Refusal]


def named(draft: Draft) -> Draft | Refusal:
    """Of a known type, with a message id and an event id."""
    call = draft.call
    if (said := call.get("type")) not in CALL_TYPES:
        detail = f"type is none of {', '.join(CALL_TYPES)}: {str(said)[:100]!r}"
        return Refusal(Reason.UNKNOWN_TYPE, detail, "type")
    value = call.get("messageId")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= ids.MESSAGE_ID_CHARACTERS_MAX:
        detail = "messageId is not a text of fewer than 100 characters"
        return Refusal(Reason.BAD_IDENTIFIER, detail, "messageId")
    draft.message_id = value
    draft.event_id = ids.event_id(draft.origin.workspace, value)
    return draft


def shaped(draft: Draft) -> Draft | Refusal:
    """Of a kind, with its properties; the context is an object."""
    context = fields_of(draft.call, "context")
    if isinstance(context, Refusal):
        return context
    draft.context = context
    properties = properties_of(draft.call, context, draft.origin.currency, draft.origin.names)
    if isinstance(properties, Refusal):
        return properties
    draft.properties = properties
    draft.kind = properties["kind"]
    return draft


def identified(draft: Draft) -> Draft | Refusal:
    """With at least one identifier."""
    found = draft.origin.names.of(draft.call, draft.context, draft.notes)
    if isinstance(found, Refusal):
        return found
    draft.identifiers = found
    return draft


def dated(draft: Draft) -> Draft | Refusal:
    """With the moment at which it happened."""
    moment = occurred_at(draft.call, draft.received_at, draft.notes)
    if isinstance(moment, Refusal):
        return moment
    draft.occurred_at = moment
    return draft


def placed(draft: Draft) -> Draft | Refusal:
    """With its channel, and with the useful part of its context."""
    context = draft.context
    draft.channel = channel_of(draft.call, context, draft.properties, draft.kind)
    draft.context = kept(context)
    if draft.notes:
        draft.context["ingest"] = draft.notes
    return draft


#: In the order in which a call goes through them; the first refusal stands.
STAGES: Final[tuple[Stage, ...]] = (named, shaped, identified, dated, placed)


def merged_context(batch: Mapping[str, Any], own: object) -> object:
    """A batch's context under an item's own; a null of the item hides nothing."""
    if own is None:
        return dict(batch)
    if not isinstance(own, dict):
        return own
    return {**batch, **{name: value for name, value in own.items() if value is not None}}
