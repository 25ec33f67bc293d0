"""Offsets are committed only when every row of them is safe, whatever ClickHouse answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.exceptions import OperationalError
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from schemas import topics
from schemas.base import to_json
from schemas.touchpoints import SAMPLES
from services.scoring import columns as columns_module
from services.scoring.refuse import record_of
from services.scoring.rows import TABLES
from tests.columns_messages import MESSAGES, record, touchpoint
from tests.unit.columns_world import FakeEnd, FakeMessage, World, visit_lines, visits

RECEIVED = "rapport_scoring_columns_received_to_inserted_seconds"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_module, "INSERT_EVERY_S", 0.0)


def gone(*_: Any) -> Exception:
    return OperationalError("connection refused")


def test_rows_are_inserted_and_then_committed() -> None:
    world = World([(topic, to_json(message)) for (topic, _), message in MESSAGES.items()])
    world.columns.step()
    assert len(world.clickhouse.rows["touchpoints"]) == len(SAMPLES)
    assert set(world.consumer.committed) == {topic for topic, _ in MESSAGES}
    assert world.clickhouse.inserts == len(world.clickhouse.rows) == len(TABLES)


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


def profile() -> Any:
    return MESSAGES[topics.PROFILES.name, "empty"]


def test_the_record_of_a_line_is_the_message_it_was_made_of() -> None:
    [line] = visit_lines(1)
    assert record_of(line.message) == record(
        topics.RESOLVED.name, touchpoint("page_viewed", message="m-0")
    )
