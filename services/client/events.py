"""text/event-stream → changes with their cursors, from lines as they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.profile_api import Change, FeedEvent
from schemas.profile_asked import FeedShows, FeedStart


class Events:
    """Takes lines; gives an event at the end of each."""

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


def params_of(cursor: str | None, start: FeedStart, include: FeedShows) -> Mapping[str, Any]:
    """The query of a stream."""
    asked: dict[str, Any] = {"include": include.value}
    if cursor:
        return asked | {"cursor": cursor}
    return asked | {"start": start.value}
