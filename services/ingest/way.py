"""The way a call came: what a letter must say of it, and how a re-driven one comes it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import ValidationError

from schemas.dead_letter import REDRIVEN_HEADER, Reason, Redriven, Way
from services.common.batch import Record
from services.ingest.domain import posthog
from services.ingest.domain.clock import moment_of
from services.ingest.domain.ids import MESSAGE_ID_CHARACTERS_MAX
from services.ingest.domain.refusal import Refusal

Fields = dict[str, Any]
Translate = Callable[[Fields], Fields | Refusal]

#: Each of thousands of letters would carry it, so a larger one is left out of them.
CONTEXT_BYTES_MAX: Final = 32 * 1024
#: What a letter says instead of a sentAt that no time can be read from.
UNREADABLE: Final = "unreadable"
#: How other vendors' events are called in letters. A new `translate` needs its name here.
DIALECTS: Final[Mapping[str, Translate]] = {"posthog": posthog.call_of}

_encode = msgspec.json.Encoder().encode


class Again(NamedTuple):
    """A re-driven call: its letter, and when it came here."""

    redriven: Redriven
    at: datetime


def redriven_of(record: Record) -> Redriven | None:
    """What a record of the log says of its letter; None if it comes for the first time."""
    for name, value in record.headers:
        if name == REDRIVEN_HEADER:
            try:
                return Redriven.model_validate_json(value)
            except ValidationError:
                return None
    return None


def shared_way(
    received_at: datetime,
    call_type: str | None,
    sent_at: object,
    context: Mapping[str, Any] | None,
    translate: Translate | None,
) -> Way:
    """What the letters of one request have in common; the ids are still to be filled in."""
    whole = not context or len(_encode(context)) <= CONTEXT_BYTES_MAX
    named = (name for name, dialect in DIALECTS.items() if dialect is translate)
    return Way(
        received_at=received_at,
        content_id="",
        call_type=call_type,
        sent_at=_readable(sent_at),
        context=dict(context) if context and whole else None,
        dialect=None if translate is None else next(named, translate.__qualname__),
        whole=whole,
    )


def usable_id(call: object) -> str | None:
    """The message id of a call, as the door takes it; None if it has none that it would take."""
    value = call.get("messageId") if isinstance(call, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and 0 < len(value) <= MESSAGE_ID_CHARACTERS_MAX:
        return value
    return None


def dialect_of(way: Way) -> Translate | None:
    """What makes a call of the bytes; a name that is not known (yet) refuses them."""
    if way.dialect is None:
        return None
    if (known := DIALECTS.get(way.dialect)) is not None:
        return known
    unknown = Refusal(Reason.POISON, f"ingest knows no dialect {way.dialect[:100]!r}")
    return lambda _: unknown


def _readable(sent_at: object) -> str | None:
    """All that has no time in it corrects nothing, whatever it is."""
    if sent_at is None:
        return None
    return sent_at if isinstance(sent_at, str) and moment_of(sent_at) else UNREADABLE
