"""What is read of one person does not look at everybody's rows, however the tables are made up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from deploy.embedded.engines import Engines
from services.profile.api import standing, timeline
from services.scoring.store import migrate
from tests.columns_engine import asked, database
from tests.waiting import until

#: A large part with one row for each of so many people, and small ones, in which each granule
#: holds ids from the whole range.
PEOPLE = 200_000
FEW, PARTS = 100, 4
EVERYBODY, SOME = f"numbers({PEOPLE})", f"numbers(50, {FEW})"
_PROFILE = """toUUID(concat(
    substring(lower(hex(MD5(toString(number)))), 1, 8), '-0000-8000-8000-',
    substring(lower(hex(MD5(toString(number)))), 9, 12)))"""
TRANSITIONS = f"""
INSERT INTO lifecycle
SELECT 'demo', generateUUIDv4(), number, {_PROFILE}, 'new', 'growing', false, now64(6), now64(6),
    'event', 'an order', NULL, number, false
FROM NUMBERS
"""
EVENTS = f"""
INSERT INTO touchpoints
    (workspace, event_id, version, profile_id, kind, occurred_at, received_at, properties)
SELECT 'demo', generateUUIDv4(), number, {_PROFILE}, 'page_viewed', now64(6), now64(6), '{{}}'
FROM NUMBERS
"""
OF_STAGE = standing._STAGES
OF_TIMELINE = timeline._COLUMNS + timeline._TABLE.replace("PART", "")


@pytest.fixture(scope="module")
def columns(engines: Engines) -> Iterator[Any]:
    with database(engines.clickhouse, f"reads_{uuid4().hex}") as client:
        yield client


@pytest.fixture(scope="module")
def crowded(columns: Any) -> Any:
    """Parts of each table that are not merged."""
    for table in ("lifecycle", "touchpoints"):
        columns.command(f"SYSTEM STOP MERGES {table}")
    for numbers in (EVERYBODY, *[SOME] * PARTS):
        for statement in (TRANSITIONS, EVENTS):
            columns.command(statement.replace("NUMBERS", numbers))
    return columns


def read(client: Any, sql: str, profile: str) -> tuple[int, int]:
    """(rows of the answer, rows that ClickHouse looked at), as when it is asked first."""
    given = {"workspace": "demo", "profile": profile, "ids": [profile], "others": [], "most": 50}
    answer = client.query(sql, parameters=given, settings={"use_query_condition_cache": 0})
    return len(answer.result_rows), int(answer.summary["read_rows"])


def anybody(client: Any) -> str:
    (row,) = asked(client, f"SELECT {_PROFILE} AS profile_id FROM numbers(77, 1)")
    return str(row["profile_id"])


@pytest.mark.parametrize("sql", [OF_STAGE, OF_TIMELINE], ids=["stage", "timeline"])
def test_a_person_s_rows_are_found_without_a_look_at_all(crowded: Any, sql: str) -> None:
    rows, looked_at = read(crowded, sql, anybody(crowded))
    assert rows == 1 + PARTS
    assert looked_at < PEOPLE / 2


def test_an_event_counts_for_whom_its_newest_row_says(crowded: Any) -> None:
    """It was resolved again, in another part; the index alone would find its older row."""
    event, former, now = uuid4(), str(uuid4()), str(uuid4())
    for version, profile in enumerate((former, now)):
        crowded.command(
            "INSERT INTO touchpoints (workspace, event_id, version, profile_id, kind) "
            f"VALUES ('demo', '{event}', {version}, '{profile}', 'page_viewed')"
        )
    assert read(crowded, OF_TIMELINE, former)[0] == 0
    assert read(crowded, OF_TIMELINE, now)[0] == 1


def test_a_transition_that_was_inserted_twice_is_one(crowded: Any) -> None:
    event, who = uuid4(), str(uuid4())
    for version in (1, 2):
        crowded.command(
            "INSERT INTO lifecycle (workspace, event_id, version, profile_id, to_stage) "
            f"VALUES ('demo', '{event}', {version}, '{who}', 'new')"
        )
    assert read(crowded, OF_STAGE, who)[0] == 1


def test_a_table_that_was_there_before_gets_its_index(engines: Engines) -> None:
    with database(engines.clickhouse, f"before_{uuid4().hex}") as client:
        client.command("ALTER TABLE lifecycle DROP INDEX of_profile SETTINGS mutations_sync = 2")
        client.command(TRANSITIONS.replace("NUMBERS", EVERYBODY))  # one part, which nothing merges
        who = anybody(client)
        assert read(client, OF_STAGE, who) == (1, PEOPLE)
        client.command("ALTER TABLE migrations DELETE WHERE 1 SETTINGS mutations_sync = 2")
        assert "004_journey.sql" in migrate(client, client.database)
        until(lambda: read(client, OF_STAGE, who)[1] < PEOPLE / 2, "the index to be made")
        assert read(client, OF_STAGE, who)[0] == 1
