"""What was refused is kept for 30 days, also in tables that are older than this rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import derived_id
from services.scoring.store import migrate
from tests.columns_engine import asked, database, fill
from tests.columns_messages import HANDLED, LETTER, VIOLATION

SAMPLES: dict[str, tuple[str, Any]] = {
    "dead_letters": (topics.DEAD_LETTERS.name, LETTER),
    "dead_letters_handled": (topics.HANDLED.name, HANDLED),
    "violations": (topics.VIOLATIONS.name, VIOLATION),
}
KEPT_DAYS = 30


@pytest.fixture(scope="module")
def client(engines: Engines) -> Iterator[Any]:
    with database(engines.clickhouse, "kept_for_days") as one:
        yield one


def aged(sample: Any, days: float) -> BaseModel:
    changes = {
        "event_id": derived_id("aged", days),
        "at": datetime.now(UTC) - timedelta(days=days),
    }
    changed: BaseModel = sample.model_copy(update=changes)
    return changed


def days_left(client: Any, table: str) -> list[int]:
    """How old what is left is, after every rule of the table was carried out."""
    client.command(f"OPTIMIZE TABLE {table} FINAL")
    found = asked(client, f"SELECT dateDiff('day', at, now64(6)) AS days FROM {table} ORDER BY at")
    return [row["days"] for row in found]


@pytest.mark.parametrize("table", SAMPLES)
def test_what_is_older_goes_and_the_rest_stays(client: Any, table: str) -> None:
    topic, sample = SAMPLES[table]
    fill(client, [(topic, aged(sample, days)) for days in (KEPT_DAYS + 1, KEPT_DAYS - 1, 0)])
    assert days_left(client, table) == [KEPT_DAYS - 1, 0]


@pytest.mark.parametrize("table", SAMPLES)
def test_a_table_that_is_older_than_the_rule_gets_it(client: Any, table: str) -> None:
    topic, sample = SAMPLES[table]
    client.command(f"ALTER TABLE {table} REMOVE TTL")
    client.command(f"TRUNCATE TABLE {table}")
    fill(client, [(topic, aged(sample, days)) for days in (KEPT_DAYS + 1, KEPT_DAYS - 1)])
    assert days_left(client, table) == [KEPT_DAYS + 1, KEPT_DAYS - 1]
    client.command("ALTER TABLE migrations DELETE WHERE 1 SETTINGS mutations_sync = 2")
    migrate(client, client.database)
    assert days_left(client, table) == [KEPT_DAYS - 1]
