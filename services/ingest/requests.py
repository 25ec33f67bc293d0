"""The bytes of a request, up to the limit, and the write key of its header."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from services.common.request_ids import request_id
from services.ingest.body import BODY_BYTES_MAX
from services.ingest.keys import basic_user

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

BODY_SECONDS_MAX: Final = 30


class Said(NamedTuple):
    """The headers that are looked at."""

    request_id: bytes | None
    authorization: bytes | None
    origin: bytes | None


def said_in(scope: Scope) -> Said:
    """Of each header the first that came, found in one pass."""
    request_id = authorization = origin = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value if authorization is None else authorization
        elif name == b"x-request-id":
            request_id = value if request_id is None else request_id
        elif name == b"origin":
            origin = value if origin is None else origin
    return Said(request_id, authorization, origin)


def request_id_of(said: Said) -> bytes:
    """What names the request in answers and logs: the sender's X-Request-Id, else one of ours."""
    return request_id(said.request_id)


class Request(NamedTuple):
    """What was read of a request. `cut`: its body is larger than anything allowed."""

    body: bytes
    cut: bool
    write_key: str | None
    origin: str | None = None


async def read(said: Said, receive: Receive) -> Request | None:
    """The request; None when the client went away or took longer than half a minute."""
    key = basic_user(said.authorization)
    message = await receive()
    if message["type"] != "http.request":
        return None
    body: bytes | None = message.get("body", b"")
    if body is not None and message.get("more_body"):
        body = await _rest(body, receive)
    if body is None:
        return None
    site = None if said.origin is None else said.origin.decode("latin-1")
    return Request(body, len(body) > BODY_BYTES_MAX, key, site)


async def _rest(first: bytes, receive: Receive) -> bytes | None:
    chunks, size = [first], len(first)
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while size <= BODY_BYTES_MAX:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if not message.get("more_body"):
                    break
    except TimeoutError:
        return None
    return b"".join(chunks)
