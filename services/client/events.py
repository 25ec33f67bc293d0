"""The change feed as a client follows it: what to ask, and lines → changes. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from schemas.profile_api import Change, FeedEvent
from schemas.profile_asked import FeedShows, FeedStart
from services.client.exchange import TRIES_MAX, wait_s


class Following:
    """Where a stream is, over all the times that it was cut and opened again."""

    def __init__(self, cursor: str | None, start: FeedStart, include: FeedShows) -> None:
        self._cursor, self._start, self._include = cursor, start, include
        self._tried = 0

    def params(self) -> Mapping[str, Any]:
        """The query of the next stream."""
        asked: dict[str, Any] = {"include": self._include.value}
        if self._cursor:
            return asked | {"cursor": self._cursor}
        return asked | {"start": self._start.value}

    def seen(self, event: FeedEvent) -> None:
        """What comes next is behind this one."""
        self._cursor, self._tried = event.cursor, 0

    def cut(self, error: httpx.TransportError) -> float:
        """How long to wait before it is opened again; the error, when that was tried enough."""
        self._tried += 1
        if self._tried >= TRIES_MAX:
            raise error
        return wait_s(self._tried, None)


class Events:
    """Takes lines of text/event-stream; gives an event at the end of each."""

    def __init__(self) -> None:
        self._id = ""
        self._kind = ""
        self._data: list[str] = []

    def line(self, line: str) -> FeedEvent | None:
        """The event that ends here, if one does."""
        if line:
            name, _, value = line.partition(":")
            self._note(name, value.removeprefix(" "))
            return None
        kind, data, self._kind, self._data = self._kind, "\n".join(self._data), "", []
        if kind == "change":
            return FeedEvent(cursor=self._id, change=Change.model_validate_json(data))
        return FeedEvent(cursor=self._id) if kind == "beat" else None

    def _note(self, name: str, value: str) -> None:
        match name:
            case "id":
                self._id = value
            case "event":
                self._kind = value
            case "data":
                self._data.append(value)
