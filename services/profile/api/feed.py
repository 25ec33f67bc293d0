"""profiles.changed as one workspace sees it, from a cursor on: at least once, without gaps.

A cursor is the next offset of each partition. Whoever goes on from the last one they had misses
nothing: what was compacted away meanwhile stands newer further behind.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from confluent_kafka import TopicPartition

from schemas.profile_api import ChangeKind
from schemas.topics import PROFILES
from services.common import clients
from services.common.settings import Settings
from services.profile.api.answers import Refused
from services.profile.api.cursors import bad_cursor
from services.profile.api.masks import masked_profile

GROUP: Final = "profile-api-changes"
ANSWERED_WITHIN_S: Final = 5.0
#: Changes that are taken, and sent, at once.
TAKEN_MAX: Final = 100
PARTITIONS_MAX: Final = 1_024
#: Of a stream; it has a consumer of its own, which fetches this much of each partition ahead.
FETCHED: Final = {
    "fetch.min.bytes": 1,
    "fetch.wait.max.ms": 200,
    "queued.max.messages.kbytes": 256,
    "fetch.message.max.bytes": 1_000_000,
}


class Lens(NamedTuple):
    """What a stream shows: whose profiles, whether whole, which traits are hidden (None: no)."""

    workspace: str
    whole: bool
    hidden: frozenset[str] | None


class Told(NamedTuple):
    """A change as JSON, and the cursor behind it."""

    cursor: str
    change: bytes


class _Snapshot(msgspec.Struct):
    workspace: str
    profile_id: UUID
    version: int
    updated_at: datetime
    merged_into: UUID | None = None
    erased: bool = False


class _Change(msgspec.Struct, omit_defaults=True):
    change: str
    profile_id: UUID
    version: int
    updated_at: datetime
    merged_into: UUID | None = None
    profile: msgspec.Raw | None = None


_read = msgspec.json.Decoder(_Snapshot).decode
_encode = msgspec.json.Encoder().encode


class Feed:
    """One stream's reader. Blocks; for a thread of its own."""

    def __init__(self, settings: Settings, lens: Lens, cursor: str | None) -> None:
        """`cursor`: None begins now, the empty one with all profiles there are.

        Refused: 400 for a cursor of something else, 410 for one that Kafka knows nothing of.
        """
        self._lens = lens
        self._consumer = clients.consumer(settings, GROUP, **FETCHED)
        try:
            self._next = self._begin(cursor)
        except BaseException:
            self._consumer.close()
            raise
        self._consumer.assign(
            [TopicPartition(PROFILES.name, part, at) for part, at in enumerate(self._next)]
        )

    def _begin(self, cursor: str | None) -> list[int]:
        known = self._consumer.list_topics(PROFILES.name, ANSWERED_WITHIN_S)
        parts = range(len(known.topics[PROFILES.name].partitions))
        ends = [self._bounds(part) for part in parts]
        if cursor is None:
            return [end for _, end in ends]
        if not cursor:
            return [first for first, _ in ends]
        offsets = _offsets(cursor)
        if len(offsets) != len(ends):
            raise bad_cursor("the cursor is of a topic with other partitions; begin anew")
        if any(at > end for at, (_, end) in zip(offsets, ends, strict=True)):
            message = "the topic ends before this cursor, so it is another one; begin anew"
            raise Refused(410, "cursor_gone", message)
        return [max(at, first) for at, (first, _) in zip(offsets, ends, strict=True)]

    def _bounds(self, partition: int) -> tuple[int, int]:
        place = TopicPartition(PROFILES.name, partition)
        first, end = self._consumer.get_watermark_offsets(place, ANSWERED_WITHIN_S)
        return int(first), int(end)

    @property
    def cursor(self) -> str:
        """Where to go on behind all that was taken."""
        return _written(self._next)

    def take(self, timeout_s: float) -> list[Told]:
        """What comes within the time; of other workspaces nothing."""
        told = []
        for message in self._consumer.consume(TAKEN_MAX, timeout_s):
            if message.error() is not None:
                continue  # librdkafka goes on by itself; nothing was taken
            self._next[message.partition()] = message.offset() + 1
            if (change := _seen(message.value(), self._lens)) is not None:
                told.append(Told(self.cursor, change))
        return told

    def close(self) -> None:
        self._consumer.close()


def _seen(value: bytes | None, lens: Lens) -> bytes | None:
    """A snapshot as a change; None where it is not the stream's."""
    if not value:
        return None
    snapshot = _read(value)
    if snapshot.workspace != lens.workspace:
        return None
    kind = ChangeKind.CHANGED
    if snapshot.erased:
        kind = ChangeKind.ERASED
    elif snapshot.merged_into is not None:
        kind = ChangeKind.MERGED
    shown: msgspec.Raw | None = None
    if lens.whole and kind is ChangeKind.CHANGED:
        shown = msgspec.Raw(value if lens.hidden is None else masked_profile(value, lens.hidden))
    return _encode(
        _Change(
            kind.value,
            snapshot.profile_id,
            snapshot.version,
            snapshot.updated_at,
            snapshot.merged_into,
            shown,
        )
    )


def _written(offsets: Sequence[int]) -> str:
    return urlsafe_b64encode(msgspec.msgpack.encode(offsets)).rstrip(b"=").decode()


def _offsets(cursor: str) -> list[int]:
    try:
        packed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        found: Any = msgspec.msgpack.decode(packed, type=list[int])
    except (ValueError, msgspec.DecodeError, UnicodeError):
        raise bad_cursor() from None
    if not 0 < len(found) <= PARTITIONS_MAX or not all(0 <= at < 2**62 for at in found):
        raise bad_cursor()
    return list(found)
