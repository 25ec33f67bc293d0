"""Offsets are committed only when every row of them is safe, whatever ClickHouse answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from confluent_kafka import KafkaError
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from schemas import topics
from schemas.base import to_json
from services.scoring import columns as columns_module
from services.scoring.columns import Columns
from services.scoring.insert import Outage, insert
from services.scoring.refuse import record_of
from services.scoring.rows.touchpoints import TABLE
from services.scoring.waiting import Line
from tests.columns_messages import MESSAGES, lines_of, record, touchpoint

RECEIVED = "rapport_scoring_columns_received_to_inserted_seconds"
MESSAGE_ID = TABLE.schema.get_field_index("message_id")


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

    def insert_arrow(self, table: str, arrow_table: Any) -> None:
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


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_module, "INSERT_EVERY_S", 0.0)


def visits(count: int) -> list[tuple[str, bytes]]:
    return [
        (topics.RESOLVED.name, to_json(touchpoint("page_viewed", message=f"m-{n}")))
        for n in range(count)
    ]


def gone(*_: Any) -> Exception:
    return OperationalError("connection refused")


def test_rows_are_inserted_and_then_committed() -> None:
    world = World([(topic, to_json(message)) for (topic, _), message in MESSAGES.items()])
    world.columns.step()
    assert len(world.clickhouse.rows["touchpoints"]) == 12
    assert set(world.consumer.committed) == {topic for topic, _ in MESSAGES}
    assert world.clickhouse.inserts == len(world.clickhouse.rows) == 10


def test_nothing_is_committed_while_clickhouse_is_missing_and_reading_is_paused() -> None:
    world = World(visits(3))
    world.connects = False
    for _ in range(5):
        world.columns.step()
    assert world.consumer.committed == {}
    assert world.consumer.paused
    assert "RAPPORT_CLICKHOUSE" in (world.columns.fault() or "")
    world.connects = True
    world.columns.step()
    assert len(world.clickhouse.rows["touchpoints"]) == 3
    assert world.consumer.committed == {topics.RESOLVED.name: 3}
    assert not world.consumer.paused
    assert world.columns.fault() is None


def test_offsets_are_committed_to_the_end_behind_the_markers_of_transactions() -> None:
    world = World(visits(3))
    world.consumer.log.append(FakeEnd(topics.RESOLVED.name, 5, b""))
    world.columns.step()
    assert world.consumer.committed == {topics.RESOLVED.name: 5}


def test_one_table_that_fails_holds_back_all_offsets() -> None:
    world = World([*visits(1), (topics.PROFILES.name, to_json(profile()))])
    world.clickhouse.fails_with = lambda table, _: gone() if table == "profiles" else None
    world.columns.step()
    assert world.consumer.committed == {}
    world.clickhouse.fails_with = lambda *_: None
    world.columns.step()
    assert world.consumer.committed == {topics.RESOLVED.name: 1, topics.PROFILES.name: 2}
    assert len(world.clickhouse.rows["touchpoints"]) == 1


def test_a_message_without_rows_is_a_dead_letter_with_its_bytes_and_place() -> None:
    world = World([(topics.RESOLVED.name, b'{"workspace":"w1"}'), *visits(2)])
    world.columns.step()
    [letter] = world.letters()
    assert letter["reason"] == "bad_properties"
    assert letter["workspace"] == "w1"
    assert letter["original"] == "eyJ3b3Jrc3BhY2UiOiJ3MSJ9"
    assert (letter["topic"], letter["partition"], letter["offset"]) == (topics.RESOLVED.name, 0, 0)
    assert len(world.clickhouse.rows["touchpoints"]) == 2
    assert world.consumer.committed == {topics.RESOLVED.name: 3}


def test_offsets_wait_for_their_dead_letters() -> None:
    world = World([(topics.RESOLVED.name, b"{")])
    world.producer.confirms = False
    world.columns.step()
    assert world.consumer.committed == {}
    world.producer.confirms = True
    world.columns.step()
    assert world.consumer.committed == {topics.RESOLVED.name: 1}
    first, again = world.letters()
    assert first["event_id"] == again["event_id"]


def test_a_dead_letter_that_can_not_be_read_makes_no_further_one() -> None:
    world = World([(topics.DEAD_LETTERS.name, b"{")])
    world.columns.step()
    assert world.letters() == []
    assert world.consumer.committed == {topics.DEAD_LETTERS.name: 1}


def test_finishing_inserts_what_waits_and_leaves_the_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World([])
    world.columns.step()
    monkeypatch.setattr(columns_module, "INSERT_EVERY_S", 1e9)
    world.columns.step()
    world.consumer.log = [FakeMessage(*one) for one in [(t, 0, v) for t, v in visits(1)]]
    world.columns.step()
    assert world.consumer.committed == {}
    world.columns.finish()
    assert world.consumer.committed == {topics.RESOLVED.name: 1}
    assert world.consumer.closed


@given(count=st.integers(1, 200), poison=st.sets(st.integers(0, 199), max_size=5))
@settings(max_examples=50, deadline=None)
def test_halving_finds_exactly_the_rows_that_do_not_fit(count: int, poison: set[int]) -> None:
    bad = {f"m-{n}" for n in poison if n < count}

    def refuses(_: str, rows: list[dict[str, Any]]) -> Exception | None:
        found = bad & {row["message_id"] for row in rows}
        return DatabaseError("Code: 469", code=469) if found else None

    clickhouse = FakeClickHouse(fails_with=refuses)
    lines = visit_lines(count)
    refused = insert(clickhouse, "touchpoints", lines)
    kept = {row["message_id"] for row in clickhouse.rows.get("touchpoints", [])}
    assert {one.line.row[MESSAGE_ID] for one in refused} == bad
    assert kept == {f"m-{n}" for n in range(count)} - bad
    assert clickhouse.inserts <= 1 + 2 * len(bad) * 8


def test_a_value_that_does_not_fit_its_column_is_found_without_asking_clickhouse() -> None:
    lines = visit_lines(9)
    row = list(lines[4].row)
    row[TABLE.schema.get_field_index("severity")] = 9999
    lines[4] = Line(tuple(row), lines[4].message)
    clickhouse = FakeClickHouse()
    [refused] = insert(clickhouse, "touchpoints", lines)
    assert refused.line is lines[4]
    assert len(clickhouse.rows["touchpoints"]) == 8


@pytest.mark.parametrize("wrong", ["Z" * 36, "f850cf35-095d-567b-ba0d-5752e81e08d\n", "é" * 36])
def test_an_id_as_long_as_a_uuid_that_is_none_is_found_without_asking_clickhouse(
    wrong: str,
) -> None:
    sent = touchpoint("page_viewed", message="m-0")
    value = to_json(sent).replace(str(sent.event_id).encode(), wrong.encode())
    world = World([*visits(2), (topics.RESOLVED.name, value.replace(b"\n", b"\\n"))])
    world.columns.step()
    [letter] = world.letters()
    assert (letter["offset"], letter["workspace"]) == (2, "demo")
    assert "UUID" in letter["detail"]
    assert len(world.clickhouse.rows["touchpoints"]) == 2
    assert world.consumer.committed == {topics.RESOLVED.name: 3}


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-13-01T00:00:00.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "2026-01-01T24:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:00.123456",
        "10000-01-01T00:00:00Z",
        "yesterday at half past ten",
    ],
)
def test_a_moment_that_can_not_be_read_is_found_without_asking_clickhouse(wrong: str) -> None:
    sent = json.loads(to_json(touchpoint("page_viewed", message="m-0"))) | {"occurred_at": wrong}
    world = World([*visits(5), (topics.RESOLVED.name, msgspec.json.encode(sent)), *visits(1)])
    world.columns.step()
    [letter] = world.letters()
    assert letter["offset"] == 5
    assert len(world.clickhouse.rows["touchpoints"]) == 6
    assert world.consumer.committed == {topics.RESOLVED.name: 7}


def test_a_refused_message_keeps_its_key_headers_and_place() -> None:
    world = World([(topics.RESOLVED.name, b"{")])
    world.columns.step()
    assert world.letters()[0]["workspace"] == "demo"
    read = record_of(FakeMessage(topics.RESOLVED.name, 7, b"{"))
    expected = (topics.RESOLVED.name, 0, 7, b"key", b"{", (("ce_source", b"rapport/demo"),))
    assert msgspec.structs.astuple(read) == expected


@given(st.integers(1, 400))
@settings(max_examples=30, deadline=None)
def test_freshness_is_observed_of_some_touchpoints_of_every_insert(count: int) -> None:
    def observed() -> float:
        return REGISTRY.get_sample_value(f"{RECEIVED}_count") or 0.0

    before = observed()
    columns_module._observe_freshness(visit_lines(1) * count)
    assert min(count, 25) <= observed() - before <= 50


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("refused"),
        DatabaseError("memory", code=241),
        DatabaseError("no such table", code=60),
        DatabaseError("too many parts", code=252),
        DatabaseError("unknown"),
        ConnectionResetError("reset"),
    ],
)
def test_a_failure_of_the_server_blames_no_row(error: Exception) -> None:
    clickhouse = FakeClickHouse(fails_with=lambda *_: error)
    with pytest.raises(Outage):
        insert(clickhouse, "touchpoints", visit_lines(3))
    assert clickhouse.inserts == 1


def profile() -> Any:
    return MESSAGES[topics.PROFILES.name, "empty"]


@cache
def _visit_lines() -> list[Line]:
    visits = [touchpoint("page_viewed", message=f"m-{n}") for n in range(200)]
    return lines_of([(topics.RESOLVED.name, one) for one in visits])["touchpoints"]


def visit_lines(count: int) -> list[Line]:
    return _visit_lines()[:count]


def test_the_record_of_a_line_is_the_message_it_was_made_of() -> None:
    [line] = visit_lines(1)
    assert record_of(line.message) == record(
        topics.RESOLVED.name, touchpoint("page_viewed", message="m-0")
    )
