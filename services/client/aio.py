"""The same client for programs that run an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx
from pydantic import BaseModel

from schemas.profile_api import FeedEvent
from schemas.profile_asked import FeedShows, FeedStart
from services.client import calls
from services.client.cache import ENTRIES_MAX, Cache
from services.client.calls import Call, Paged
from services.client.events import Events, Following
from services.client.exchange import SILENT_S_MAX, TIMEOUT_S, Request, Wait, described, exchange
from services.client.failures import failure

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item", bound=BaseModel)
Arguments = ParamSpec("Arguments")


def _asks(
    build: Callable[Arguments, Call[Model]],
) -> Callable[Concatenate[AsyncClient, Arguments], Coroutine[Any, Any, Model]]:
    """A method that makes this call."""

    async def ask(
        client: AsyncClient, /, *given: Arguments.args, **named: Arguments.kwargs
    ) -> Model:
        return await client.ask(build(*given, **named))

    return described(ask, build)


def _pages(
    build: Callable[Arguments, Paged[Item]],
) -> Callable[Concatenate[AsyncClient, Arguments], AsyncIterator[Item]]:
    """A method that asks for one page after the other."""

    def pages(
        client: AsyncClient, /, *given: Arguments.args, **named: Arguments.kwargs
    ) -> AsyncIterator[Item]:
        return client.pages(build(*given, **named))

    return described(pages, build)


class AsyncClient:
    """Of one key. ApiError, NotFound, or httpx.TransportError when there is no answer."""

    profile = _asks(calls.profile)
    lookup = _asks(calls.lookup)
    search = _pages(calls.search)
    timeline = _pages(calls.timeline)
    scores = _asks(calls.scores)
    stage = _asks(calls.stage)
    consent = _asks(calls.consent)
    links = _asks(calls.links)
    merges = _asks(calls.merges)
    why = _asks(calls.why)
    merge = _asks(calls.merge)
    unmerge = _asks(calls.unmerge)
    accounts = _asks(calls.accounts)
    account = _asks(calls.account)
    lookup_account = _asks(calls.lookup_account)
    lookup_household = _asks(calls.lookup_household)
    members = _pages(calls.members)

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        cached_max: int = ENTRIES_MAX,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=timeout_s, transport=transport
        )
        self._cache = Cache(cached_max)

    async def ask(self, call: Call[Model]) -> Model:
        """The value of a call's answer."""
        steps = exchange(call, self._cache)
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._done(step)
                except httpx.TransportError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            value: Model = end.value
            return value

    async def _done(self, step: Request | Wait) -> httpx.Response | None:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        call = step.call
        return await self._http.request(
            call.method, call.path, params=call.params, json=call.json, headers=step.headers
        )

    async def pages(self, paged: Paged[Item]) -> AsyncIterator[Item]:
        """All items, asked for page by page."""
        cursor: str | None = None
        while True:
            page = await self.ask(paged.page(cursor))
            for item in page.items:
                yield item
            if (cursor := page.next) is None:
                return

    async def changes(
        self,
        cursor: str | None = None,
        *,
        start: FeedStart = FeedStart.NOW,
        include: FeedShows = FeedShows.IDS,
    ) -> AsyncIterator[FeedEvent]:
        """Changes as they come, and beats without one, for as long as it is asked for more. A
        stream that ends is opened again where it was; keep `cursor` to go on another day."""
        following = Following(cursor, start, include)
        while True:
            try:
                async for event in self._stream(following):
                    following.seen(event)
                    yield event
            except httpx.TransportError as error:
                await asyncio.sleep(following.cut(error))

    async def _stream(self, following: Following) -> AsyncIterator[FeedEvent]:
        timeout = httpx.Timeout(TIMEOUT_S, read=SILENT_S_MAX)
        async with self._http.stream(
            "GET", "/v1/changes", params=following.params(), timeout=timeout
        ) as response:
            if not response.is_success:
                await response.aread()
                raise failure(response)
            events = Events()
            async for line in response.aiter_lines():
                if (event := events.line(line)) is not None:
                    yield event

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
