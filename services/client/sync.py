"""The client for programs that wait for their answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Self, TypeVar, cast

import httpx
from pydantic import BaseModel

from schemas.profile import Profile
from schemas.profile_api import (
    FeedEvent,
    FoundProfile,
    Links,
    Merges,
    MergeTaken,
    ShownConsent,
    ShownScores,
    ShownStage,
    TimelineEvent,
    WhyAnswer,
)
from schemas.profile_asked import FeedShows, FeedStart, Search
from services.client import calls
from services.client.cache import ENTRIES_MAX, Cache
from services.client.calls import AGAIN_STATUSES, TRIES_MAX, Call, Named, ProfileId, wait_s
from services.client.events import Events, params_of
from services.client.failures import failure

Model = TypeVar("Model", bound=BaseModel)

TIMEOUT_S: Final = 15.0
#: A stream says something every ten seconds.
SILENT_S_MAX: Final = 35.0


class Client:
    """Of one key. ApiError, NotFound, or httpx.TransportError when there is no answer."""

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

    def profile(self, profile_id: ProfileId) -> Profile:
        """The person who has this id now; of one that merged, the survivor."""
        return self._ask(calls.profile(profile_id))

    def lookup(self, kind: str, value: str) -> Profile:
        """The person who is known by this identifier, in any spelling."""
        return self._ask(calls.lookup(kind, value))

    def links(self, profile_id: ProfileId) -> Links:
        """Why this is one person."""
        return self._ask(calls.links(profile_id))

    def merges(self, profile_id: ProfileId) -> Merges:
        """The ids that lead to this person."""
        return self._ask(calls.merges(profile_id))

    def why(self, one: Named, other: Named) -> WhyAnswer:
        """Why two identifiers are one person, or why they are not."""
        return self._ask(calls.why(one, other))

    def scores(self, profile_id: ProfileId) -> ShownScores:
        return self._ask(calls.scores(profile_id))

    def stage(self, profile_id: ProfileId) -> ShownStage:
        return self._ask(calls.stage(profile_id))

    def consent(self, profile_id: ProfileId) -> ShownConsent:
        return self._ask(calls.consent(profile_id))

    def timeline(
        self,
        profile_id: ProfileId,
        *,
        kinds: tuple[str, ...] = (),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[TimelineEvent]:
        """All of it, newest first, asked for page by page."""
        return self._paged(calls.timeline(profile_id, kinds, since, until))

    def search(self, asked: Search) -> Iterator[FoundProfile]:
        """All that are found, asked for page by page."""
        return self._paged(calls.search(asked))

    def merge(
        self,
        one: Named,
        other: Named,
        *,
        reason: str | None = None,
        requested_by: str | None = None,
        idempotency_key: str | None = None,
    ) -> MergeTaken:
        """Say that two identifiers are one person."""
        asked = calls.asked_of(one, other, reason, requested_by)
        return self._ask(calls.merge(asked, idempotency_key))

    def unmerge(
        self,
        one: Named,
        other: Named,
        *,
        reason: str | None = None,
        requested_by: str | None = None,
        idempotency_key: str | None = None,
    ) -> MergeTaken:
        """Say that two identifiers, which are one person now, are two."""
        asked = calls.asked_of(one, other, reason, requested_by)
        return self._ask(calls.unmerge(asked, idempotency_key))

    def changes(
        self,
        cursor: str | None = None,
        *,
        start: FeedStart = FeedStart.NOW,
        include: FeedShows = FeedShows.IDS,
    ) -> Iterator[FeedEvent]:
        """Changes as they come, and beats without one, for as long as it is asked for more. A
        stream that ends is opened again where it was; keep `cursor` to go on another day."""
        tried = 0
        while True:
            try:
                for event in self._stream(cursor, start, include):
                    cursor, tried = event.cursor, 0
                    yield event
            except httpx.TransportError:
                if (tried := tried + 1) >= TRIES_MAX:
                    raise
                time.sleep(wait_s(tried, None))

    def _stream(
        self, cursor: str | None, start: FeedStart, include: FeedShows
    ) -> Iterator[FeedEvent]:
        params = params_of(cursor, start, include)
        timeout = httpx.Timeout(TIMEOUT_S, read=SILENT_S_MAX)
        with self._http.stream("GET", "/v1/changes", params=params, timeout=timeout) as response:
            if not response.is_success:
                response.read()
                raise failure(response)
            events = Events()
            for line in response.iter_lines():
                if (event := events.line(line)) is not None:
                    yield event

    def _paged(self, call: Call[Any]) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            page = self._ask(call.paged(cursor))
            yield from page.items
            if (cursor := page.next) is None:
                return

    def _ask(self, call: Call[Model]) -> Model:
        tag = self._cache.tag(call.path) if call.cached else None
        headers = {**call.headers, **({"if-none-match": tag} if tag else {})}
        response = self._answered(call, headers)
        if response.status_code == 304:
            return cast(Model, self._cache.known(call.path))
        if not response.is_success:
            raise failure(response)
        read = call.model.model_validate_json(response.content)
        if call.cached:
            self._cache.keep(call.path, response.headers.get("etag"), read)
        return read

    def _answered(self, call: Call[Any], headers: dict[str, str]) -> httpx.Response:
        for tried in range(TRIES_MAX):
            last = tried == TRIES_MAX - 1
            try:
                response = self._http.request(
                    call.method, call.path, params=call.params, json=call.json, headers=headers
                )
            except httpx.TransportError:
                if last:
                    raise
                time.sleep(wait_s(tried, None))
                continue
            if last or response.status_code not in AGAIN_STATUSES:
                return response
            time.sleep(wait_s(tried, response.headers.get("retry-after")))
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
