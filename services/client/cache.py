"""Answers that carried an ETag, so that the next time only a change is sent."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

ENTRIES_MAX: Final = 1_000


class Cache:
    """Of one client, and so of one key. The least used goes first. Asked each time: never stale."""

    def __init__(self, entries_max: int = ENTRIES_MAX) -> None:
        self._entries: OrderedDict[str, tuple[str, Any]] = OrderedDict()
        self._entries_max = entries_max

    def tag(self, path: str) -> str | None:
        """The ETag of what is known."""
        known = self._entries.get(path)
        return known[0] if known else None

    def known(self, path: str) -> Any:
        """What the API says has not changed."""
        self._entries.move_to_end(path)
        return self._entries[path][1]

    def keep(self, path: str, tag: str | None, value: Any) -> None:
        if tag is None or not self._entries_max:
            return
        self._entries[path] = (tag, value)
        self._entries.move_to_end(path)
        while len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)
