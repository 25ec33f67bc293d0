"""Every request: its id, whose key it has, what it may cost, and an answer whatever happens.

Reading a profile or an account by id, the hot path, is answered here by the functions of its
endpoint. All else goes on to FastAPI.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from services.common.api_keys import Scope
from services.common.request_ids import request_id
from services.profile.api import answers, metrics
from services.profile.api.accounts import Accounts
from services.profile.api.answers import Answer, Refused, Send
from services.profile.api.endpoint import HOLDER
from services.profile.api.keys import Holder, Keys
from services.profile.api.people import People

log = logging.getLogger(__name__)

BODY_BYTES_MAX: Final = 64 * 1024
BODY_SECONDS_MAX: Final = 10.0
BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
UUID_CHARACTERS: Final = 36
#: Both addresses are as long: what is before an id, and what they are called in metrics.
_PROFILES, _ACCOUNTS = "/v1/profiles/", "/v1/accounts/"
_NAMES: Final = {
    _PROFILES: _PROFILES + "{profile_id}",
    _ACCOUNTS: _ACCOUNTS + "{account_profile_id}",
}
_BEFORE_ID: Final = len(_PROFILES)
_BY_ID_CHARACTERS: Final = _BEFORE_ID + UUID_CHARACTERS
_OPEN: Final = "/openapi.json"

RequestScope = Any
Receive = Callable[[], Awaitable[dict[str, Any]]]
ById = Callable[[Holder, str, bytes | None], Awaitable[Answer]]
Asgi = Callable[[RequestScope, Any, Any], Awaitable[None]]


class _Said(NamedTuple):
    """The headers that are looked at here."""

    request_id: bytes | None
    authorization: bytes | None
    if_none_match: bytes | None


class Front:
    """The ASGI application around the endpoints."""

    def __init__(self, keys: Keys, people: People, accounts: Accounts, endpoints: Asgi) -> None:
        self._keys = keys
        self._people = people
        self._accounts = accounts
        self._by_id: Mapping[str, ById] = {_PROFILES: self._profile, _ACCOUNTS: self._account}
        self._endpoints = endpoints

    async def __call__(self, scope: RequestScope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        said = _said_in(scope)
        named = request_id(said.request_id)
        path: str = scope["path"]
        short: str | None = None
        watched = _Watched(send, named)
        try:
            if path == _OPEN:
                await self._endpoints(scope, receive, watched)
            else:
                holder = self._keys.holder(said.authorization)
                by_id = self._by_id.get(path[:_BEFORE_ID])
                if by_id and len(path) == _BY_ID_CHARACTERS and scope["method"] == "GET":
                    short = _NAMES[path[:_BEFORE_ID]]
                    answer = await by_id(holder, path[_BEFORE_ID:], said.if_none_match)
                    await answers.send(answer, send, named)
                    watched.status = answer.status
                else:
                    scope[HOLDER] = holder
                    if scope["method"] not in BODILESS:
                        receive = await _whole(receive)
                    await self._endpoints(scope, receive, watched)
        except Refused as refused:
            await watched.answer(refused.answer())
        except Exception:
            log.exception("request %s: our own mistake", named.decode())
            if watched.status and not watched.ended:
                raise  # in the middle of an answer: uvicorn cuts the connection
            if not watched.ended:
                await watched.answer(answers.mistake())
        route = scope.get("route")
        template = short or getattr(route, "path", "other")
        metrics.answers(template, watched.status).inc()
        if watched.status != 200 or template != "/v1/changes":
            metrics.REQUEST_SECONDS.observe(time.perf_counter() - began)

    async def _profile(self, holder: Holder, written: str, tag: bytes | None) -> Answer:
        holder.needs(Scope.PROFILE_READ)
        found = await self._people.by_id(holder, written)
        return self._people.shown(holder, found, tag)

    async def _account(self, holder: Holder, written: str, tag: bytes | None) -> Answer:
        holder.needs(Scope.ACCOUNT_READ)
        found = await self._accounts.by_id(holder, written)
        return self._accounts.shown(holder, found, tag)


class _Watched:
    """Sends what the endpoints say, with what every answer carries; knows the status."""

    def __init__(self, send: Send, named: bytes) -> None:
        self._send = send
        self._named = named
        self.status = 0
        self.ended = False

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            extra = answers.common(self._named)
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        else:
            self.ended = not message.get("more_body")
        await self._send(message)

    async def answer(self, answer: Answer) -> None:
        self.status, self.ended = answer.status, True
        await answers.send(answer, self._send, self._named)


async def _whole(receive: Receive) -> Receive:
    """What gives the body, once all of it is here. Refused: 408, 413, 400."""
    chunks, size, more = list[bytes](), 0, True
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise answers.bad_request("the request ended before its body did", "incomplete")
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                more = message.get("more_body", False)
                if size > BODY_BYTES_MAX:
                    raise Refused(413, "too_large", f"a body has at most {BODY_BYTES_MAX} bytes")
    except TimeoutError:
        raise Refused(408, "too_slow", "the body did not come in time") from None
    given = [{"type": "http.request", "body": b"".join(chunks), "more_body": False}]

    async def again() -> dict[str, Any]:
        return given.pop() if given else await receive()

    return again


def _said_in(scope: RequestScope) -> _Said:
    named = authorization = tag = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value if authorization is None else authorization
        elif name == b"x-request-id":
            named = value if named is None else named
        elif name == b"if-none-match":
            tag = value if tag is None else tag + b"," + value
    return _Said(named, authorization, tag)
