"""What is kept of Segment's context: what later parts use, bounded, and no more personal data."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from services.ingest.domain.identity import EXTERNAL

Call = dict[str, Any]

TEXT_CHARACTERS_MAX: Final = 1_000
#: Plain values that are kept. The ip address is left out on purpose: nothing here needs it.
PLAIN: Final = ("locale", "timezone", "userAgent", "groupId", "sessionId")
#: Objects that are kept, with the fields kept of each.
PARTS: Final = {
    "library": ("name", "version"),
    "page": ("url", "path", "referrer", "title"),
    "campaign": ("name", "source", "medium", "term", "content"),
    "device": ("type", "model", "manufacturer"),
    "os": ("name", "version"),
    "app": ("name", "version"),
}

_READ: Final = (*PLAIN, *PARTS, *EXTERNAL, "traits", "channel")

#: Kinds that happen in one place, whatever tells of them.
OF_KIND: Final = {"call_completed": "phone", "store_visited": "store"}
WEB_LIBRARIES: Final = frozenset({"analytics.js", "analytics-next", "rudderlabs javascript sdk"})
APP_MARKS: Final = ("ios", "android", "swift", "kotlin", "flutter", "react-native", "unity")


def relevant(context: Call) -> Call:
    """The part of a batch's context that any item can have use for, before it goes to each."""
    return {name: context[name] for name in _READ if name in context}


def kept(context: Call) -> Call:
    """The useful part of the context; values that are not plain are left out."""
    result: Call = {}
    for name, value in context.items():
        fields = PARTS.get(name)
        if fields is None:
            if name in PLAIN:
                _keep(result, name, value)
        elif isinstance(value, dict):
            part: Call = {}
            for field in fields:
                if (said := value.get(field)) is not None:
                    _keep(part, field, said)
            if part:
                result[name] = part
    return result


def channel_of(call: Call, context: Call, properties: Call, kind: str) -> str | None:
    """Through what the customer was met: as the sender says, else by kind, else by library.

    A server's library tells how the event travelled, not where the customer was: no channel.
    """
    said = context.get("channel") or properties.get("channel") or call.get("channel")
    if said and isinstance(said, str):
        return said[:100]
    if kind in OF_KIND:
        return OF_KIND[kind]
    if call["type"] == "screen":
        return "app"
    library = context.get("library")
    name = library.get("name") if isinstance(library, dict) else None
    found = _of_library(name[:100]) if isinstance(name, str) else None
    return found or ("web" if call["type"] == "page" else None)


@lru_cache(maxsize=1_000)
def _of_library(name: str) -> str | None:
    name = name.casefold()
    if name in WEB_LIBRARIES:
        return "web"
    return "app" if any(mark in name for mark in APP_MARKS) else None


def _keep(part: Call, name: str, value: Any) -> None:
    if isinstance(value, str):
        if value:
            part[name] = value[:TEXT_CHARACTERS_MAX]
    elif isinstance(value, (int, float)):
        part[name] = value
