"""A columns worker with everything around it made of memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

import msgspec
from confluent_kafka import KafkaError

from schemas import topics
from schemas.base import to_json
from services.scoring.columns import Columns
from services.scoring.insert import Outage
from services.scoring.waiting import Line
from tests.columns_messages import lines_of, touchpoint


@dataclass
class FakeMessage:
    """What confluent_kafka gives for one record."""

    topic_: str
    offset_: int
    value_: bytes

    def error(self) -> Any:
        return None

    def topic(self) -> str:
        return self.topic_

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.offset_

    def key(self) -> bytes:
        return b"key"

    def value(self) -> bytes:
        return self.value_

    def headers(self) -> list[tuple[str, bytes]]:
        return [("ce_source", b"rapport/demo")]

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_767_355_200_000


class FakeEnd(FakeMessage):
    """The end of a partition, behind markers that are no messages."""

    def error(self) -> Any:
        return KafkaError(KafkaError._PARTITION_EOF)


@dataclass
class FakeConsumer:
    """A log in memory that remembers what was committed."""

    log: list[FakeMessage] = field(default_factory=list)
    position: int = 0
    committed: dict[str, int] = field(default_factory=dict)
    paused: bool = False
    closed: bool = False

    def consume(self, count: int, timeout: float) -> list[FakeMessage]:
        if self.paused:
            return []
        read = self.log[self.position : self.position + count]
        self.position += len(read)
        return read

    def commit(self, offsets: Sequence[Any], asynchronous: bool) -> None:
        for one in offsets:
            self.committed[one.topic] = one.offset

    def assignment(self) -> list[Any]:
        return []

    def pause(self, partitions: Sequence[Any]) -> None:
        self.paused = True

    def resume(self, partitions: Sequence[Any]) -> None:
        self.paused = False

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeProducer:
    """Confirms everything, or nothing."""

    confirms: bool = True
    sent: list[bytes] = field(default_factory=list)
    waiting: list[Callable[[Any, Any], None]] = field(default_factory=list)

    def produce(self, topic: str, **fields: Any) -> None:
        self.sent.append(fields["value"])
        self.waiting.append(fields["on_delivery"])

    def flush(self, timeout: float) -> int:
        for delivered in self.waiting:
            delivered(None if self.confirms else "no broker", object())
        self.waiting = []
        return 0


@dataclass
class FakeClickHouse:
    """Keeps rows by table; fails as it is told."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    inserts: int = 0
    fails_with: Callable[[str, list[dict[str, Any]]], Exception | None] = lambda *_: None

    def query(self, _query: str) -> Any:
        """Nobody was erased."""
        return SimpleNamespace(result_rows=[])

    def insert_arrow(
        self, table: str, arrow_table: Any, *, settings: dict[str, Any] | None = None
    ) -> None:
        self.inserts += 1
        rows = arrow_table.to_pylist()
        error = self.fails_with(table, rows)
        if error is not None:
            raise error
        self.rows.setdefault(table, []).extend(rows)


class World:
    """One worker with everything around it made of memory."""

    def __init__(self, messages: Sequence[tuple[str, bytes]]) -> None:
        self.consumer = FakeConsumer(
            [FakeMessage(topic, n, value) for n, (topic, value) in enumerate(messages)]
        )
        self.producer = FakeProducer()
        self.clickhouse = FakeClickHouse()
        self.connects = True
        self.columns = Columns(self.consumer, self.producer, self.connect, lambda _: {})

    def connect(self) -> FakeClickHouse:
        if not self.connects:
            raise Outage("ClickHouse does not answer at nowhere (RAPPORT_CLICKHOUSE): refused")
        return self.clickhouse

    def letters(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(value) for value in self.producer.sent]


def visits(count: int) -> list[tuple[str, bytes]]:
    return [
        (topics.RESOLVED.name, to_json(touchpoint("page_viewed", message=f"m-{n}")))
        for n in range(count)
    ]


@cache
def _visit_lines() -> list[Line]:
    visits = [touchpoint("page_viewed", message=f"m-{n}") for n in range(200)]
    return lines_of([(topics.RESOLVED.name, one) for one in visits])["touchpoints"]


def visit_lines(count: int) -> list[Line]:
    return _visit_lines()[:count]
