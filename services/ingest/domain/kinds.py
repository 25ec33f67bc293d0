"""Which kind of touchpoint a call is, and its properties in the shape of that kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from schemas.dead_letter import Reason
from services.ingest.domain import care, commerce
from services.ingest.domain.identity import Blocked, cleaned
from services.ingest.domain.refusal import Refusal
from services.ingest.domain.shapes import Fields, put

Call = dict[str, Any]
Shape = Callable[[Fields, str], None]


def _as_it_is(_fields: Fields, _currency_default: str) -> None:
    """The sender's names are the kind's names."""


#: As many as schemas.touchpoints.identified takes.
TRAITS_MAX: Final = 500
#: Kind of a tracked event -> what brings its properties into shape.
TRACKED: Final[dict[str, Shape]] = {
    "page_viewed": _as_it_is,
    "product_viewed": commerce.product_viewed,
    "order_completed": commerce.order_completed,
    "order_refunded": commerce.order_refunded,
    "call_completed": care.call_completed,
    "complaint_received": care.complaint_received,
    "complaint_handled": care.complaint_handled,
    "survey_answered": care.survey_answered,
}
#: The spellings that senders use, so that the usual ones cost one look-up.
_SPELLED: Final = {kind.replace("_", " ").title(): kind for kind in TRACKED} | {
    kind: kind for kind in TRACKED
}


def properties_of(call: Call, context: Fields, currency: str, blocked: Blocked) -> Fields | Refusal:
    """The properties with their kind, ready to be validated. The type is one of Segment's."""
    match call["type"]:
        case "track":
            return _track(call, currency)
        case "page" | "screen":
            return _page(call, context)
        case "identify":
            return _identify(call, context)
        case "alias":
            return _alias(call, blocked)
        case "group":
            return _group(call)
        case other:
            raise AssertionError(f"the caller lets only Segment's calls in, not {other!r}")


def fields_of(call: Call, name: str) -> Fields | Refusal:
    """An object of the call, empty where it is missing or null."""
    value = call.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        return Refusal(Reason.BAD_PROPERTIES, f"{name} is not an object", name)
    return value


def kind_of_event(name: str) -> str:
    """ "Order Completed", "order completed" and order_completed are one kind; unknown: custom."""
    kind = _SPELLED.get(name)
    if kind is not None:
        return kind
    spelled = name[:100].strip().casefold().replace(" ", "_").replace("-", "_")
    return spelled if spelled in TRACKED else "custom"


def _track(call: Call, currency: str) -> Fields | Refusal:
    name = call.get("event")
    if not isinstance(name, str) or not name.strip():
        return Refusal(Reason.NO_EVENT_NAME, "a track call needs the name of its event", "event")
    sent = fields_of(call, "properties")
    if isinstance(sent, Refusal):
        return sent
    kind = kind_of_event(name)
    if kind == "custom":
        return {"kind": "custom", "name": name.strip(), "properties": sent}
    fields = _without_nulls(sent)
    TRACKED[kind](fields, currency)
    fields["kind"] = kind
    return fields


def _identify(call: Call, context: Fields) -> Fields | Refusal:
    """Traits of the context count too: RudderStack's Python SDK sends them only there."""
    traits = fields_of(call, "traits")
    if isinstance(traits, Refusal):
        return traits
    of_context = context.get("traits")
    if isinstance(of_context, dict):
        if len(of_context) > TRAITS_MAX:  # before it is copied for each item of a batch
            detail = f"{len(of_context)} traits; at most {TRAITS_MAX}"
            return Refusal(Reason.BAD_PROPERTIES, detail, "context.traits")
        traits = {**of_context, **traits}
    return {"kind": "identified", "traits": traits}


def _page(call: Call, context: Fields) -> Fields | Refusal:
    sent = fields_of(call, "properties")
    if isinstance(sent, Refusal):
        return sent
    fields = _without_nulls(sent)
    fields["kind"] = "page_viewed"
    for name in ("name", "category"):
        put(fields, name, call.get(name))
    page = context.get("page")
    if isinstance(page, dict):
        for name in ("url", "title", "referrer"):
            if name not in fields:
                put(fields, name, page.get(name))
    return fields


def _group(call: Call) -> Fields | Refusal:
    traits = fields_of(call, "traits")
    if isinstance(traits, Refusal):
        return traits
    account = call.get("groupId")
    if isinstance(account, int) and not isinstance(account, bool):
        account = str(account)
    if not isinstance(account, str) or not account.strip():
        return Refusal(Reason.BAD_PROPERTIES, "a group call needs a groupId", "groupId")
    return {"kind": "account_linked", "account_id": account.strip(), "traits": traits}


def _alias(call: Call, blocked: Blocked) -> Fields | Refusal:
    value = call.get("previousId")
    if value is None or value == "":
        return Refusal(Reason.NO_IDENTIFIER, "an alias call needs a previousId", "previousId")
    kind = _kind_of_previous(call, value)
    clean = cleaned(kind, value, blocked)
    if isinstance(clean, Refusal):
        return Refusal(clean.reason, clean.detail, "previousId")
    return {"kind": "aliased", "previous": {"kind": kind, "value": clean}}


def _kind_of_previous(call: Call, value: object) -> str:
    """Segment does not say of what kind a previousId is.

    The sender may (`previousKind`). Else: the call's own anonymousId is one; so is a UUID from a
    server, whose calls bring no anonymousId; the rest is an earlier user id (analytics.js u1, u2).
    """
    said = call.get("previousKind")
    if said in ("user_id", "email", "phone", "anonymous_id"):
        return str(said)
    anonymous = call.get("anonymousId")
    if anonymous is None:
        is_uuid = isinstance(value, str) and len(value) == 36 and value.count("-") == 4
        return "anonymous_id" if is_uuid else "user_id"
    return "anonymous_id" if value == anonymous else "user_id"


def _without_nulls(sent: Fields) -> Fields:
    """A copy to work on: null says the same as nothing; the sender's own `kind` steps aside."""
    fields = {name: value for name, value in sent.items() if value is not None}
    if "kind" in fields:
        fields["kind_sent"] = fields.pop("kind")
    return fields
