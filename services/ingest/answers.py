"""Answers that Segment's SDKs understand: the one success, and errors with both their keys."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

Headers = tuple[tuple[bytes, bytes], ...]
Send = Callable[[dict[str, Any]], Awaitable[None]]

RETRY_AFTER_S: Final = 1
_ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")
_PREFLIGHT: Final[Headers] = (
    (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, content-encoding, x-request-id, x-retry-count",
    ),
    (b"access-control-max-age", b"86400"),
)


class Answer(NamedTuple):
    """One HTTP answer."""

    status: int
    body: bytes
    headers: Headers = ()
    content_type: bytes = b"application/json"


#: Exactly this: some SDKs send again after 202 and 204.
OK: Final = Answer(200, b'{"success":true}')
#: Browsers ask first, because of the Authorization header.
PREFLIGHT: Final = Answer(204, b"", _PREFLIGHT)


def error(status: int, code: str, message: str, headers: Headers = ()) -> Answer:
    """Both keys are needed: without them some SDKs send the same request for ever."""
    return Answer(status, json.dumps({"code": code, "message": message}).encode(), headers)


def unavailable(why: object) -> Answer:
    """Nothing of the request counts as done; SDKs send it again."""
    return error(503, "unavailable", f"{why}; send it again later", _after(RETRY_AFTER_S))


def too_many(wait_s: int) -> Answer:
    """The source is over its limit; SDKs wait that long and send it again."""
    message = f"this source is over its limit; send it again in {wait_s} s"
    return error(429, "too_many_events", message, _after(wait_s))


def _after(wait_s: int) -> Headers:
    """When to send it again, also for scripts of another site."""
    expose = (b"access-control-expose-headers", b"retry-after")
    return ((b"retry-after", str(wait_s).encode()), expose)


def settings_of(write_key: str) -> Answer:
    """What analytics.js asks for before it sends anything. It says nothing about the key."""
    integrations = {"Segment.io": {"apiKey": write_key}}
    body = {"integrations": integrations, "plan": {}, "edgeFunction": {}}
    return Answer(200, json.dumps(body).encode())


async def send(result: Answer, to: Send, request_id: bytes = b"") -> None:
    """The answer by the ASGI protocol."""
    headers = [
        *(((b"x-request-id", request_id),) if request_id else ()),
        (b"content-type", result.content_type),
        (b"content-length", str(len(result.body)).encode()),
        _ANY_ORIGIN,
        *result.headers,
    ]
    await to({"type": "http.response.start", "status": result.status, "headers": headers})
    await to({"type": "http.response.body", "body": result.body})
