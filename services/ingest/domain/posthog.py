"""An event as PostHog's SDKs send it → the call that Segment's would have made of it.

Seen on the wire from posthog-python 7.91.1. A distinct id is a user's, unless the SDK says that
it is anonymous. What `$set_once` says is left out of the traits: here the newest value counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from schemas.dead_letter import Reason
from services.ingest.domain.refusal import Refusal

Fields = dict[str, Any]

#: Types of groups whose key alone names the account, as a group call of Segment's does.
ACCOUNTS: Final = frozenset({"company", "organization", "organisation", "account"})
#: Property -> its place in Segment's context.
CONTEXT: Final = {
    "$lib": ("library", "name"),
    "$lib_version": ("library", "version"),
    "$current_url": ("page", "url"),
    "$pathname": ("page", "path"),
    "$referrer": ("page", "referrer"),
    "$device_type": ("device", "type"),
    "$os": ("os", "name"),
    "$os_version": ("os", "version"),
    "$app_name": ("app", "name"),
    "$app_version": ("app", "version"),
    "utm_source": ("campaign", "source"),
    "utm_medium": ("campaign", "medium"),
    "utm_campaign": ("campaign", "name"),
    "utm_term": ("campaign", "term"),
    "utm_content": ("campaign", "content"),
}


def call_of(event: Fields) -> Fields | Refusal:
    """The call; of an event that is no event the refusal."""
    name = event.get("event")
    if not isinstance(name, str) or not name.strip():
        return Refusal(Reason.NO_EVENT_NAME, "an event needs its name", "event")
    sent = event.get("properties")
    if sent is None:
        sent = {}
    if not isinstance(sent, dict):
        return Refusal(Reason.BAD_PROPERTIES, "properties is not an object", "properties")
    call = _who(event, sent) | {
        "messageId": event.get("uuid") or sent.get("$insert_id"),
        "timestamp": event.get("timestamp") or sent.get("timestamp"),
        "context": _context(event, sent),
    }
    call |= SPECIAL.get(name, _tracked)(event, sent)
    return {field: value for field, value in call.items() if value is not None}


def _who(event: Fields, sent: Fields) -> Fields:
    distinct = event.get("distinct_id")
    if distinct is None:
        distinct = sent.get("distinct_id")
    anonymous = (
        sent.get("$is_identified") is False
        or sent.get("$process_person_profile") is False
        or (distinct is not None and sent.get("$device_id") == distinct)
    )
    return {"anonymousId" if anonymous else "userId": distinct}


def _context(event: Fields, sent: Fields) -> Fields:
    context: Fields = {}
    for name, (part, field) in CONTEXT.items():
        if (value := sent.get(name)) is not None:
            context.setdefault(part, {})[field] = value
    if isinstance(agent := sent.get("$raw_user_agent"), str):
        context["userAgent"] = agent
    if isinstance(session := sent.get("$session_id"), str):
        context["sessionId"] = session
    if traits := _set(event, sent):  # of an identify they are its traits
        context["traits"] = traits
    return context


def _set(event: Fields, sent: Fields) -> Fields:
    """What is said of the person, in either of the two places."""
    found: Fields = {}
    for place in (sent, event):
        if isinstance(said := place.get("$set"), dict):
            found |= said
    return found


def _tracked(event: Fields, sent: Fields) -> Fields:
    """An event of the sender's own, without what the SDK adds; an event of PostHog's as it is."""
    name = event["event"]
    if not name.startswith("$"):
        sent = {field: value for field, value in sent.items() if not field.startswith("$")}
    return {"type": "track", "event": name, "properties": sent}


def _identified(event: Fields, sent: Fields) -> Fields:
    distinct = event.get("distinct_id", sent.get("distinct_id"))
    anonymous = sent.get("$anon_distinct_id")
    return {
        "type": "identify",
        "userId": distinct,
        "anonymousId": anonymous if anonymous != distinct else None,
    }


def _described(event: Fields, sent: Fields) -> Fields:
    return {"type": "identify"}


def _aliased(event: Fields, sent: Fields) -> Fields:
    previous = sent.get("distinct_id", event.get("distinct_id"))
    return {
        "type": "alias",
        "userId": sent.get("alias"),
        "anonymousId": None,
        "previousId": previous,
        "previousKind": "anonymous_id",
    }


def _grouped(event: Fields, sent: Fields) -> Fields:
    key, kind = sent.get("$group_key"), sent.get("$group_type")
    traits = sent.get("$group_set")
    if isinstance(key, str) and isinstance(kind, str) and kind.casefold() not in ACCOUNTS:
        key = f"{kind}:{key}"
        if traits is None or isinstance(traits, dict):
            traits = {"account_kind": kind} | (traits or {})
    return {"type": "group", "groupId": key, "traits": traits}


def _page(event: Fields, sent: Fields) -> Fields:
    said = {
        "url": sent.get("$current_url"),
        "title": sent.get("title") or sent.get("$title"),
        "referrer": sent.get("$referrer"),
    }
    return {"type": "page", "properties": said}


def _screen(event: Fields, sent: Fields) -> Fields:
    return {"type": "screen", "name": sent.get("$screen_name"), "properties": {}}


SPECIAL: Final[dict[str, Callable[[Fields, Fields], Fields]]] = {
    "$identify": _identified,
    "$set": _described,
    "$create_alias": _aliased,
    "$groupidentify": _grouped,
    "$pageview": _page,
    "$screen": _screen,
}
