"""Where a page ended, as a text that only we read."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, TypeVar

import msgspec

from services.profile.api.answers import Refused
from services.profile.domain.ids import NODE_BYTES

Cursor = TypeVar("Cursor", bound=msgspec.Struct)


class OfTimeline(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The last event of a page: when it occurred (µs since 1970), and its id."""

    at_us: int
    event_id: str


class OfSearch(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The last profile of a page."""

    profile_id: str


class OfMembers(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The last member of a page: the 16 bytes of their profile id."""

    profile: Annotated[bytes, msgspec.Meta(min_length=NODE_BYTES, max_length=NODE_BYTES)]


def written(cursor: msgspec.Struct) -> str:
    """As it travels in a URL."""
    return urlsafe_b64encode(msgspec.msgpack.encode(cursor)).rstrip(b"=").decode()


def read(text: str, kind: type[Cursor]) -> Cursor:
    """The place it names. Refused (400) when it is none of ours."""
    try:
        packed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        return msgspec.msgpack.decode(packed, type=kind)
    except (ValueError, msgspec.DecodeError, UnicodeError):
        raise bad_cursor() from None


def bad_cursor(message: str = "the cursor is none that this API has given") -> Refused:
    return Refused(400, "bad_cursor", message)
