"""The client for programs that wait for their answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, Self, TypeVar

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
) -> Callable[Concatenate[Client, Arguments], Model]:
    """A method that makes this call."""

    def ask(client: Client, /, *given: Arguments.args, **named: Arguments.kwargs) -> Model:
        return client.ask(build(*given, **named))

    return described(ask, build)


def _pages(
    build: Callable[Arguments, Paged[Item]],
) -> Callable[Concatenate[Client, Arguments], Iterator[Item]]:
    """A method that asks for one page after the other."""

    def pages(
        client: Client, /, *given: Arguments.args, **named: Arguments.kwargs
    ) -> Iterator[Item]:
        return client.pages(build(*given, **named))

    return described(pages, build)


class Client:
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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout_s, transport=transport
        )
        self._cache = Cache(cached_max)

    def ask(self, call: Call[Model]) -> Model:
        """The value of a call's answer."""
        steps = exchange(call, self._cache)
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._done(step)
                except httpx.TransportError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            value: Model = end.value
            return value

    def _done(self, step: Request | Wait) -> httpx.Response | None:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        call = step.call
        return self._http.request(
            call.method, call.path, params=call.params, json=call.json, headers=step.headers
        )

    def pages(self, paged: Paged[Item]) -> Iterator[Item]:
        """All items, asked for page by page."""
        cursor: str | None = None
        while True:
            page = self.ask(paged.page(cursor))
            yield from page.items
            if (cursor := page.next) is None:
                return

    def changes(
        self,
        cursor: str | None = None,
        *,
        start: FeedStart = FeedStart.NOW,
        include: FeedShows = FeedShows.IDS,
    ) -> Iterator[FeedEvent]:
        """Changes as they come, and beats without one, for as long as it is asked for more. A
        stream that ends is opened again where it was; keep `cursor` to go on another day."""
        following = Following(cursor, start, include)
        while True:
            try:
                for event in self._stream(following):
                    following.seen(event)
                    yield event
            except httpx.TransportError as error:
                time.sleep(following.cut(error))

    def _stream(self, following: Following) -> Iterator[FeedEvent]:
        timeout = httpx.Timeout(TIMEOUT_S, read=SILENT_S_MAX)
        with self._http.stream(
            "GET", "/v1/changes", params=following.params(), timeout=timeout
        ) as response:
            if not response.is_success:
                response.read()
                raise failure(response)
            events = Events()
            for line in response.iter_lines():
                if (event := events.line(line)) is not None:
                    yield event

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
