"""Sent again, by a redrive or an import, twice and after a kill: the profiles count it once."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import Producer

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import to_json
from services.common.settings import Settings
from services.common.workspace_files import load_workspaces
from tests.integration.test_import import Logs, imported, killed_at, logs
from tests.integration.test_letters_redriven import Desk, desk, each, refused, rule
from tests.integration.test_profile_on_real_engines import published, worker
from tests.unit.profile_builders import touchpoint
from tests.waiting import until

__all__ = ["desk", "logs", "rule"]

#: Of Redis: profiles that no other test has.
APART = 10
ROWS = 1_500
CUSTOMERS = 20


@contextmanager
def profiling(engines: Engines) -> Iterator[Settings]:
    """profile, which reads touchpoints.accepted from its beginning."""
    settings = Settings(
        kafka=engines.kafka,
        redis=f"{engines.redis.rsplit('/', 1)[0]}/{APART}",
        salt="test salt",
        session_timeout_ms=6000,
    )
    with worker(settings, load_workspaces(Path("deploy/workspace"))["demo"]):
        yield settings


def told(settings: Settings, prefix: str) -> tuple[Counter[str], list[dict[str, Any]]]:
    """(message id -> how often it was resolved, the newest profiles) of a test, once profile has
    read everything that was sent before: an event at the end of each partition tells."""
    ends = [f"{prefix}-end-{partition}" for partition in range(settings.partitions)]
    out = Producer({"bootstrap.servers": settings.kafka})
    for partition, message in enumerate(ends):
        last = touchpoint(
            f"user_id:{message}", message=message, workspace="demo", received_at=datetime.now(UTC)
        )
        out.produce(topics.ACCEPTED.name, to_json(last), b"end", partition)
    assert out.flush(20) == 0

    def resolved() -> Counter[str]:
        values = [value for _, value in published(settings, topics.RESOLVED.name, "demo")]
        return Counter(json.loads(one)["message_id"] for one in values if prefix.encode() in one)

    until(lambda: set(ends) <= resolved().keys(), "profile to have read everything")
    last_of = dict(published(settings, topics.PROFILES.name, "demo"))
    found = [json.loads(one) for one in last_of.values() if prefix.encode() in one]
    counted = resolved()
    for end in ends:
        del counted[end]
    return counted, [one for one in found if one["purchases"]["orders"]]


def test_a_letter_that_is_sent_again_and_again_counts_once(
    engines: Engines, desk: Desk, prefix: str, rule: str
) -> None:
    letters = refused(desk, prefix, userId=prefix)
    command = ("redrive", *each(letters), "--state", "all", "--rule", rule)
    assert desk.killed(*command, failpoint="redriven_before_noted") == -signal.SIGKILL
    for _ in range(2):
        assert desk.said(*command)["records"] == len(letters)
    with profiling(engines) as settings:

        def sent() -> int:
            values = published(settings, topics.ACCEPTED.name, "demo")
            return sum(prefix.encode() in value for _, value in values)

        until(lambda: sent() == 3 * len(letters), "ingest to have let all in")
        counted, profiles = told(settings, prefix)
    assert counted == dict.fromkeys((letter["message_id"] for letter in letters), 1)
    assert sum(one["purchases"]["orders"] for one in profiles) == len(letters)
    assert sum(Decimal(one["purchases"]["revenue"]) for one in profiles) == Decimal("28.50")


def test_an_import_that_was_killed_and_run_twice_counts_once(
    engines: Engines, tmp_path: Path, prefix: str, logs: Logs
) -> None:
    rows = [
        {
            "no": f"{prefix}-{number}",
            "customer": f"{prefix}-c{number % CUSTOMERS}",
            "at": "2024-01-01T00:00:00Z",
            "amount": number,
        }
        for number in range(ROWS)
    ]
    file = tmp_path / "orders.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=500)
    killed_at(file, "before_next_commit")
    assert imported(file)["rows"] == ROWS
    assert imported(file, "--again")["sent_now"] is True
    with profiling(engines) as settings:
        counted, profiles = told(settings, prefix)
    assert len(counted) == ROWS
    assert set(counted.values()) == {1}
    for one in profiles:
        assert one["purchases"]["orders"] == ROWS // CUSTOMERS
    assert len(profiles) == CUSTOMERS
    assert sum(Decimal(one["purchases"]["revenue"]) for one in profiles) == sum(range(ROWS))
