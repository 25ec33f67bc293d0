"""Answers of the profile API: one success, and errors that say what to do about them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any, Final, NamedTuple

Headers = tuple[tuple[bytes, bytes], ...]
Send = Callable[[dict[str, Any]], Awaitable[None]]

RETRY_AFTER_S: Final = 1
_JSON: Final = (b"content-type", b"application/json")
#: Personal data belongs in no cache that others share, and another key may see another answer.
_PRIVATE: Final = (
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"authorization"),
)


class Answer(NamedTuple):
    """One HTTP answer, whole."""

    status: int
    body: bytes
    headers: Headers = ()


class Refused(Exception):  # noqa: N818 - an answer
    """Why a request gets no success. Raised by what answers it, at any depth."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> Answer:
        """As it is sent."""
        extra: Headers = ()
        if self.status == 401:
            extra = ((b"www-authenticate", b"Bearer"),)
        elif self.status == 503:
            extra = ((b"retry-after", str(RETRY_AFTER_S).encode()),)
        body = {"code": self.code, "message": self.message}
        return Answer(self.status, json.dumps(body, ensure_ascii=False).encode(), extra)


def not_found(what: str = "profile") -> Refused:
    """The same whether it never was, is another workspace's, or nobody is known by it."""
    return Refused(404, "not_found", f"no such {what} in this workspace")


def bad_request(message: str, code: str = "bad_request") -> Refused:
    return Refused(400, code, message)


def unavailable(engine: str) -> Refused:
    """An engine is away: nothing is known of what was asked."""
    return Refused(503, "unavailable", f"{engine} does not answer; ask again later")


def mistake() -> Answer:
    """What nobody foresaw; the log has it under the request's id."""
    return Refused(500, "internal", "this is our mistake; ask again").answer()


def versioned(body: bytes, etag: bytes, headers: Headers = ()) -> Answer:
    """A success that can be asked for again at the price of a look (If-None-Match)."""
    return Answer(200, body, ((b"etag", etag), *headers))


def unchanged(etag: bytes) -> Answer:
    """What the client has is the newest."""
    return Answer(304, b"", ((b"etag", etag),))


def tag_of(body: bytes) -> bytes:
    """The ETag of what has no version of its own."""
    return b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode()


def matches(given: bytes | None, etag: bytes) -> bool:
    """Whether If-None-Match names the tag (RFC 9110, 13.1.2: weakly compared, or `*`)."""
    if given is None:
        return False
    if given == etag:
        return True
    return any(one.strip() in (etag, b"W/" + etag, b"*") for one in given.split(b","))


def common(request_id: bytes) -> Headers:
    """What every answer carries."""
    return ((b"x-request-id", request_id), *_PRIVATE)


async def send(answer: Answer, to: Send, request_id: bytes) -> None:
    """The answer by the ASGI protocol."""
    headers = [
        (b"x-request-id", request_id),
        (b"content-length", b"%d" % len(answer.body)),
        *_PRIVATE,
        *answer.headers,
    ]
    if answer.status != 304:
        headers.append(_JSON)
    else:
        del headers[1]  # a 304 has no content, and says nothing of its length
    await to({"type": "http.response.start", "status": answer.status, "headers": headers})
    await to({"type": "http.response.body", "body": answer.body})
