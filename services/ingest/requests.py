"""The bytes of a request, up to the limit, and the write key of its header."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from services.ingest.body import BODY_BYTES_MAX
from services.ingest.keys import basic_user

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

BODY_SECONDS_MAX: Final = 30


#: Each process numbers its requests; the first part tells processes and starts apart.
_process: Final = secrets.token_hex(6)
_numbers = itertools.count(1)
_is_request_id = re.compile(rb"[A-Za-z0-9._:/+=-]{1,100}").fullmatch


def request_id_of(scope: Scope) -> bytes:
    """What names the request in answers and logs: the sender's X-Request-Id, else one of ours."""
    given = _header(scope, b"x-request-id")
    if given is not None and _is_request_id(given):
        return given
    return f"{_process}-{next(_numbers)}".encode()


class Request(NamedTuple):
    """What was read of a request. `cut`: its body is larger than anything allowed."""

    body: bytes
    cut: bool
    write_key: str | None
    origin: str | None = None


async def read(scope: Scope, receive: Receive) -> Request | None:
    """The request; None when the client went away or took longer than half a minute."""
    key = basic_user(_header(scope, b"authorization"))
    origin = _header(scope, b"origin")
    message = await receive()
    if message["type"] != "http.request":
        return None
    body: bytes | None = message.get("body", b"")
    if body is not None and message.get("more_body"):
        body = await _rest(body, receive)
    if body is None:
        return None
    site = None if origin is None else origin.decode("latin-1")
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


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)
