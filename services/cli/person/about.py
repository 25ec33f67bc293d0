"""Whether a record, a row or a letter is about somebody: by hashes, so that no value is needed."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from math import inf
from typing import Any

import msgspec

from schemas import topics
from services.common.batch import Record
from services.common.suppression import Listed
from services.common.workspace import Workspace
from services.ingest.suppressed import Guard

#: Topics whose values are touchpoints as they were let in.
_TOUCHPOINTS = frozenset({topics.ACCEPTED.name, topics.RESOLVED.name})
_BY_KEY = frozenset(
    topic.name
    for topic in (
        topics.PROFILES,
        topics.SCORES,
        topics.LIFECYCLE,
        topics.ALERTS,
        topics.ACTIONS,
    )
)


class About:
    """Knows one person: by the hashes of their identifiers and the ids of their profile."""

    def __init__(
        self, salt: str, workspace: Workspace, hashes: Iterable[bytes], profiles: Iterable[str]
    ) -> None:
        listed = Listed()
        listed.hashes = dict.fromkeys(hashes, inf)
        self._hashes = frozenset(one.hex().encode() for one in listed.hashes)
        self._guard = Guard(workspace, salt, listed)
        self.profiles = frozenset(profiles)
        self._profile_bytes = [one.encode() for one in self.profiles]

    def record(self, record: Record) -> bool:
        """Whether a record of a topic is about them."""
        if not record.value:
            return False
        if record.topic in _TOUCHPOINTS:
            return self.touchpoint(record.value)
        if record.topic in _BY_KEY:
            theirs = (record.key or b"").decode("utf-8", "replace") in self.profiles
            return theirs and b'"erased":true' not in record.value
        if record.topic == topics.DEAD_LETTERS.name:
            return self.letter(msgspec.json.decode(record.value))
        if record.topic == topics.INBOUND.name:
            return self._guard.finds_in_record(record)
        if record.topic == topics.SUPPRESSIONS.name:
            return record.key in self._hashes
        return self.body(record.value)

    def has_hash(self, hashed: bytes) -> bool:
        """Whether an entry of the suppression list is theirs."""
        return hashed.hex().encode() in self._hashes

    def touchpoint(self, value: bytes) -> bool:
        """The same of a touchpoint's JSON; a control names nodes, and is about nobody by value."""
        try:
            said = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return said.get("profile_id") in self.profiles or self._guard.finds_in_touchpoint(said)

    def letter(self, said: dict[str, Any]) -> bool:
        """The same of a dead letter: its bytes, its key and headers, how it came."""
        parts = [said.get("original"), said.get("key"), *(v for _, v in said.get("headers") or ())]
        raw = [_decoded(part) for part in parts if part]
        if any(self._guard.finds_in_bytes(one) or self.body(one) for one in raw):
            return True
        return self._guard.finds_in([said.get("way"), said.get("message_id"), said.get("detail")])

    def body(self, value: bytes) -> bool:
        """Whether one of their profile ids stands in it."""
        return any(one in value for one in self._profile_bytes)


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text)
    except ValueError:
        return text.encode()
