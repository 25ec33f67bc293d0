"""The bytes of one call → the call, or why it can not be read."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.dead_letter import Reason
from services.ingest.domain.depth import DEPTH_MAX, is_too_deep
from services.ingest.domain.refusal import Refusal
from services.ingest.repair import repaired

#: Segment's limit for one event.
EVENT_BYTES_MAX: Final = 32 * 1024

_decode = msgspec.json.Decoder().decode


def call_in(raw: bytes) -> dict[str, Any] | Refusal:
    """The JSON object of these bytes. Size and depth are looked at before a parser is."""
    if len(raw) <= EVENT_BYTES_MAX and is_too_deep(raw):
        return too_deep()
    return shallow_call_in(raw)


def shallow_call_in(raw: bytes) -> dict[str, Any] | Refusal:
    """The JSON object of bytes that are known not to nest too deep."""
    if len(raw) > EVENT_BYTES_MAX:
        detail = f"a call of {len(raw)} bytes; at most {EVENT_BYTES_MAX}"
        return Refusal(Reason.TOO_LARGE, detail)
    value = _decoded(raw)
    if isinstance(value, dict) or type(value) is Refusal:
        return value
    return Refusal(Reason.NOT_AN_OBJECT, "a call is a JSON object")


def decoded(raw: bytes) -> Any | Refusal:
    """The JSON value of these bytes. Depth is looked at before a parser is."""
    return too_deep() if is_too_deep(raw) else _decoded(raw)


def _decoded(raw: bytes) -> Any | Refusal:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mended = repaired(raw)
        if mended is None:
            return Refusal(Reason.MALFORMED_JSON, f"not JSON in UTF-8: {error}")
        return _decode(mended)


def too_deep() -> Refusal:
    return Refusal(Reason.TOO_DEEP, f"JSON nests deeper than {DEPTH_MAX} levels")
