"""The row that does not fit is found among many, and it alone is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from schemas.base import to_json
from services.scoring import columns as columns_module
from services.scoring.insert import Outage, insert
from services.scoring.rows.touchpoints import TABLE
from services.scoring.waiting import Line
from tests.columns_messages import PROFILE, touchpoint
from tests.unit.columns_world import FakeClickHouse, World, visit_lines, visits

MESSAGE_ID = TABLE.schema.get_field_index("message_id")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_module, "INSERT_EVERY_S", 0.0)


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


def test_a_moment_in_a_map_that_can_not_be_read_is_found_too() -> None:
    whole = json.loads(to_json(PROFILE))
    wrong = json.loads(to_json(PROFILE))
    wrong["behaviour"]["last_at"] = {"page_viewed": "2026-02-30T00:00:00.000000Z"}
    values = [msgspec.json.encode(one) for one in (whole, wrong, whole)]
    world = World([(topics.PROFILES.name, value) for value in values])
    world.columns.step()
    [letter] = world.letters()
    assert letter["offset"] == 1
    assert len(world.clickhouse.rows["profiles"]) == 2
    assert world.consumer.committed == {topics.PROFILES.name: 3}


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
