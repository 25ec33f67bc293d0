"""Reads a stretch of one partition by itself, without the consumer group."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException, TopicPartition

from services.common.batch import Record

Place = tuple[str, int]

EVENTS_MAX: Final = 500
READ_S: Final = 5.0


class LogUnreachable(Exception):  # noqa: N818 - a state of the world
    """Kafka does not answer; it is tried again."""


class LogReader:
    """One consumer, made when it is first needed; calls are serialised, each in a thread."""

    def __init__(self, new_consumer: Callable[[], Any]) -> None:
        self._new_consumer = new_consumer
        self._consumer: Any = None
        self._lock = threading.Lock()

    async def bounds(self, places: list[Place]) -> dict[Place, tuple[int, int]]:
        """(first offset, offset after the last) that the log holds of each, by two questions."""
        return await asyncio.to_thread(self._asked, self._bounds, places)

    async def committed(self, places: list[Place]) -> dict[Place, int]:
        """What the group has committed, for lag and nothing else; -1: nothing yet."""
        return await asyncio.to_thread(self._asked, self._committed, places)

    async def read(self, place: Place, start: int, until: int) -> tuple[list[Record], int]:
        """Up to 500 records from `start` and before `until`, and the position after them."""
        return await asyncio.to_thread(self._asked, self._read, place, start, until)

    def close(self) -> None:
        with self._lock:
            if self._consumer is not None:
                self._consumer.close()
                self._consumer = None

    def _asked(self, question: Callable[..., Any], *args: Any) -> Any:
        with self._lock:
            if self._consumer is None:
                self._consumer = self._new_consumer()
            try:
                return question(*args)
            except KafkaException as error:
                raise LogUnreachable(str(error)) from error

    def _bounds(self, places: list[Place]) -> dict[Place, tuple[int, int]]:
        lows, highs = self._offsets(places, OFFSET_BEGINNING), self._offsets(places, OFFSET_END)
        return {place: (lows[place], highs[place]) for place in places}

    def _offsets(self, places: list[Place], end: int) -> dict[Place, int]:
        asked = [TopicPartition(*place, end) for place in places]
        found = self._consumer.offsets_for_times(asked, timeout=READ_S) if asked else ()
        for entry in found:
            if entry.error is not None:
                raise KafkaException(entry.error)
        return {(entry.topic, entry.partition): entry.offset for entry in found}

    def _committed(self, places: list[Place]) -> dict[Place, int]:
        asked = [TopicPartition(*place) for place in places]
        found = self._consumer.committed(asked, timeout=READ_S)
        return {(entry.topic, entry.partition): max(-1, entry.offset) for entry in found}

    def _read(self, place: Place, start: int, until: int) -> tuple[list[Record], int]:
        self._consumer.assign([TopicPartition(*place, start)])
        try:
            messages = self._consumer.consume(min(EVENTS_MAX, until - start), timeout=READ_S)
            for message in messages:
                if message.error():
                    raise KafkaException(message.error())
            if not messages:
                return [], self._end_if_empty(place, start, until)
            records = [_record(message) for message in messages if message.offset() < until]
            return records, messages[-1].offset() + 1
        finally:
            self._consumer.unassign()

    def _end_if_empty(self, place: Place, start: int, until: int) -> int:
        """Offsets may be empty (compaction, transactions); Kafka being away is another thing."""
        (entry,) = self._consumer.position([TopicPartition(*place)])
        if entry.offset >= until:
            return until
        raise LogUnreachable(f"{place[0]}[{place[1]}] gave nothing from {start} on")


def _record(message: Any) -> Record:
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value() or b"",
        tuple(message.headers() or ()),
    )
