"""The body of a request → its calls, as bytes; or why it can not be read."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from schemas.dead_letter import Reason
from services.ingest.domain.context import relevant
from services.ingest.domain.depth import is_too_deep
from services.ingest.domain.refusal import Refusal
from services.ingest.reading import too_deep
from services.ingest.repair import repaired

#: 500 KB a request, packed or not, and 2,500 events a batch (Segment's HTTP API).
BODY_BYTES_MAX: Final = 500 * 1024
BATCH_EVENTS_MAX: Final = 2_500
GZIP_MAGIC: Final = b"\x1f\x8b"
_AS_GZIP: Final = 31


class Batch(msgspec.Struct):
    """A batch request; its items stay bytes, so that each can be measured, kept and refused."""

    batch: list[msgspec.Raw] | None = None
    context: Any = None
    sentAt: Any = None  # noqa: N815 - the sender's spelling
    writeKey: Any = None  # noqa: N815


class Single(msgspec.Struct):
    """All that is asked of a single call before it is let in."""

    writeKey: Any = None  # noqa: N815


class Posthog(msgspec.Struct):
    """A batch of PostHog's, or one event: then only the key is read."""

    batch: list[msgspec.Raw] | None = None
    api_key: Any = None
    token: Any = None
    sent_at: Any = None
    sentAt: Any = None  # noqa: N815


_batch = msgspec.json.Decoder(Batch).decode
_single = msgspec.json.Decoder(Single).decode
_posthog = msgspec.json.Decoder(Posthog).decode


@dataclass(frozen=True, slots=True)
class Calls:
    """What a request brought. The write key is the one in the body, if there is one."""

    raws: Sequence[bytes | msgspec.Raw]
    write_key: str | None = None
    sent_at: object = None
    context: Mapping[str, Any] | None = None


def inflated(body: bytes) -> bytes | Refusal:
    """The plain body. gzip is known by its first bytes: headers of SDKs are not always right."""
    if not body.startswith(GZIP_MAGIC):
        return body
    plain = b""
    while body.startswith(GZIP_MAGIC):
        stream = zlib.decompressobj(_AS_GZIP)
        try:
            plain += stream.decompress(body, BODY_BYTES_MAX + 1 - len(plain))
        except zlib.error as error:
            return Refusal(Reason.MALFORMED_JSON, f"the body is broken gzip: {error}")
        if len(plain) > BODY_BYTES_MAX:
            return too_large()
        if not stream.eof:
            return Refusal(Reason.MALFORMED_JSON, "the body is gzip that was cut off")
        body = stream.unused_data
    return plain


def calls_of_batch(body: bytes) -> Calls | Refusal:
    """The items of a batch request."""
    read = _read(body, _batch)
    if isinstance(read, Refusal):
        return read
    if read.batch is None:
        return Refusal(Reason.NOT_AN_OBJECT, "the body has no list `batch`", "batch")
    if len(read.batch) > BATCH_EVENTS_MAX:
        return _too_many(len(read.batch))
    context = relevant(read.context) if isinstance(read.context, dict) else None
    return Calls(read.batch, _text(read.writeKey), read.sentAt, context)


def single_call(body: bytes) -> Calls | Refusal:
    """The one call of a single request."""
    read = _read(body, _single)
    if isinstance(read, Refusal):
        return read
    return Calls((body,), _text(read.writeKey))


def posthog_calls(body: bytes) -> Calls | Refusal:
    """The events of a request of PostHog's SDKs, which say their key in the body."""
    read = _read(body, _posthog)
    if isinstance(read, Refusal):
        return read
    if read.batch is not None and len(read.batch) > BATCH_EVENTS_MAX:
        return _too_many(len(read.batch))
    raws = (body,) if read.batch is None else read.batch
    return Calls(raws, _text(read.api_key) or _text(read.token), read.sent_at or read.sentAt)


def _too_many(events: int) -> Refusal:
    detail = f"a batch of {events} events; at most {BATCH_EVENTS_MAX}"
    return Refusal(Reason.TOO_LARGE, detail, "batch")


def too_large() -> Refusal:
    return Refusal(Reason.TOO_LARGE, f"the body is larger than {BODY_BYTES_MAX} bytes")


def _read(body: bytes, decode: Any) -> Any:
    if is_too_deep(body):
        return too_deep()
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        return _mended(body, decode, Refusal(Reason.NOT_AN_OBJECT, str(error)))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        refusal = Refusal(Reason.MALFORMED_JSON, f"not JSON in UTF-8: {error}")
        return _mended(body, decode, refusal)


def _mended(body: bytes, decode: Any, refusal: Refusal) -> Any:
    """The body read again without what JSON has no word for (NaN); else the refusal stands."""
    mended = repaired(body)
    if mended is None or mended == body:
        return refusal
    try:
        return decode(mended)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return refusal


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
