"""Columns as a process: what is published arrives in ClickHouse, whoever is killed meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer, TopicPartition
from pydantic import BaseModel

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import to_json
from schemas.touchpoints import KINDS
from services.common.clients import clickhouse_client, consumer, ensure_topics
from services.common.settings import Settings
from services.scoring.columns import GROUP
from services.scoring.store import DATABASE, migrate
from tests.columns_engine import asked
from tests.columns_messages import MESSAGES, touchpoint
from tests.waiting import until

WITHIN_S = 60.0
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def settings(engines: Engines) -> Settings:
    found = Settings(
        kafka=engines.kafka,
        redis=engines.redis,
        clickhouse=engines.clickhouse,
        session_timeout_ms=6000,
    )
    ensure_topics(found)
    return found


@pytest.fixture
def client(settings: Settings) -> Iterator[Any]:
    opened = clickhouse_client(settings)
    migrate(opened, DATABASE)
    yield opened
    opened.close()


class Running:
    """One process of `python -m services.scoring columns`."""

    def __init__(self, settings: Settings, failpoint: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        # A file, not a pipe: nobody reads a pipe while it fills, and then its writer stands still.
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by stop
        environment = os.environ | {
            "RAPPORT_KAFKA": settings.kafka,
            "RAPPORT_CLICKHOUSE": settings.clickhouse,
            "RAPPORT_HEALTH_PORT": str(self.port),
            "RAPPORT_SESSION_TIMEOUT_MS": "6000",
        }
        if failpoint:
            environment["RAPPORT_FAILPOINT"] = failpoint
        command = [sys.executable, "-m", "services.scoring", "columns"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=self.log)

    def asked(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=30)

    def ready(self) -> bool:
        try:
            return self.asked("/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> str:
        """Ask it to stop; gives its log."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(WITHIN_S)
        self.log.seek(0)
        return self.log.read()


@contextmanager
def columns(settings: Settings, failpoint: str = "") -> Iterator[Running]:
    running = Running(settings, failpoint)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
        running.log.close()


def publish(settings: Settings, messages: list[tuple[str, BaseModel | bytes]]) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka})
    for topic, message in messages:
        value = message if isinstance(message, bytes) else to_json(message)
        producer.produce(topic, value, key=str(len(value)))
    assert producer.flush(30) == 0


def counted(client: Any, table: str, workspace: str) -> int:
    query = f"SELECT count() AS n FROM {table} FINAL WHERE workspace = {{workspace:String}}"
    [row] = asked(client, query, workspace=workspace)
    return int(row["n"])


def visits(workspace: str, count: int) -> list[tuple[str, BaseModel | bytes]]:
    return [
        (topics.RESOLVED.name, touchpoint("page_viewed", workspace=workspace, message=f"m-{n}"))
        for n in range(count)
    ]


def behind(settings: Settings) -> int:
    """Messages of all topics that the group has not committed."""
    reader = consumer(settings, GROUP)
    try:
        places = [
            TopicPartition(topic, partition)
            for topic in (topics.RESOLVED.name, topics.DEAD_LETTERS.name)
            for partition in range(settings.partitions)
        ]
        total = 0
        for one in reader.committed(places, timeout=10):
            _low, high = reader.get_watermark_offsets(one, timeout=10)
            total += high - max(one.offset, 0)
        return total
    finally:
        reader.close()


def young(topic: str, workspace: str) -> dict[str, Any]:
    """What makes a sample this test's; of what is kept for 30 days only, it is of now."""
    kept = {topics.DEAD_LETTERS.name, topics.HANDLED.name, topics.VIOLATIONS.name}
    return {"workspace": workspace} | ({"at": datetime.now(UTC)} if topic in kept else {})


def test_every_kind_of_message_arrives_and_is_committed(
    settings: Settings, client: Any, prefix: str
) -> None:
    published: list[tuple[str, BaseModel | bytes]] = [
        (topic, message.model_copy(update=young(topic, prefix)))
        for (topic, _), message in MESSAGES.items()
    ]
    publish(settings, published)
    with columns(settings) as running:
        until(lambda: counted(client, "touchpoints", prefix) == len(KINDS), "touchpoints")
        until(lambda: counted(client, "dead_letters", prefix) == 2, "dead letters")
        until(lambda: counted(client, "dead_letters_handled", prefix) == 1, "handled ones")
        until(lambda: counted(client, "violations", prefix) == 1, "violations")
        until(running.ready, "ready")
        assert counted(client, "profiles", prefix) == 2
        assert counted(client, "alerts", prefix) == 2
        metrics = running.asked("/metrics").text
        assert 'rapport_scoring_columns_rows_total{table="touchpoints"}' in metrics
        running.stop()
        assert running.process.returncode == 0
    until(lambda: behind(settings) == 0, "committed to the end")


def test_an_aborted_transaction_is_no_rows_and_no_lag(
    settings: Settings, client: Any, prefix: str
) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka, "transactional.id": prefix})
    producer.init_transactions(30)
    for name, end in (("kept", producer.commit_transaction), ("gone", producer.abort_transaction)):
        producer.begin_transaction()
        message = touchpoint("page_viewed", workspace=prefix, message=name)
        producer.produce(topics.RESOLVED.name, to_json(message), key="one")
        producer.flush(30)
        end(30)
    with columns(settings) as running:
        until(lambda: counted(client, "touchpoints", prefix) == 1, "the committed one")
        until(lambda: behind(settings) == 0, "committed to the end")
        running.stop()
    assert counted(client, "touchpoints", prefix) == 1


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_kill_around_an_insert_loses_and_doubles_nothing(
    settings: Settings, client: Any, prefix: str, nth: int
) -> None:
    topic = topics.DEAD_LETTERS.name
    letter = MESSAGES[topic, "bad time"].model_copy(update=young(topic, prefix))
    publish(settings, [*visits(prefix, 500), (topic, letter)])
    with columns(settings, failpoint=f"clickhouse_insert:{nth}") as killed:
        killed.process.wait(WITHIN_S)
        assert killed.process.returncode == -signal.SIGKILL
    with columns(settings) as running:
        until(lambda: counted(client, "touchpoints", prefix) == 500, "all visits")
        until(lambda: counted(client, "dead_letters", prefix) == 1, "the letter")
        running.stop()
    query = "SELECT count() AS n FROM touchpoints_resolved WHERE workspace = {workspace:String}"
    assert asked(client, query, workspace=prefix) == [{"n": 500}]


def test_poison_becomes_a_dead_letter_and_delays_nobody(
    settings: Settings, client: Any, prefix: str
) -> None:
    broken = b'{"workspace": "%s", "event_id": "no"}' % prefix.encode()
    publish(settings, [(topics.RESOLVED.name, broken), *visits(prefix, 50)])
    with columns(settings) as running:
        until(lambda: counted(client, "touchpoints", prefix) == 50, "the others")
        until(lambda: counted(client, "dead_letters", prefix) == 1, "the dead letter")
        running.stop()
    [row] = asked(client, "SELECT * FROM dead_letters WHERE workspace = {w:String}", w=prefix)
    assert (row["service"], row["reason"]) == ("scoring.columns", "bad_properties")


def test_a_row_that_clickhouse_refuses_is_found_among_many(
    settings: Settings, client: Any, prefix: str
) -> None:
    client.command(
        f"ALTER TABLE touchpoints ADD CONSTRAINT {prefix} CHECK message_id != '{prefix}-poison'"
    )
    poison = touchpoint("page_viewed", workspace=prefix, message=f"{prefix}-poison")
    try:
        publish(settings, [*visits(prefix, 300), (topics.RESOLVED.name, poison)])
        with columns(settings) as running:
            until(lambda: counted(client, "touchpoints", prefix) == 300, "the others")
            until(lambda: counted(client, "dead_letters", prefix) == 1, "the dead letter")
            running.stop()
    finally:
        client.command(f"ALTER TABLE touchpoints DROP CONSTRAINT {prefix}")


def test_while_clickhouse_is_down_it_says_so_and_catches_up_by_itself(
    engines: Engines, settings: Settings, prefix: str
) -> None:
    with columns(settings) as running:
        until(running.ready, "ready")
        engines.kill("clickhouse")
        try:
            publish(settings, visits(prefix, 300))
            until(lambda: running.asked("/readyz").status_code == 503, "not ready")
            assert "RAPPORT_CLICKHOUSE" in running.asked("/readyz").text
            until(
                lambda: "rapport_scoring_columns_paused 1.0" in running.asked("/metrics").text,
                "paused",
            )
            assert running.process.poll() is None
        finally:
            engines.start("clickhouse")
        client = clickhouse_client(settings, database=DATABASE)
        until(lambda: counted(client, "touchpoints", prefix) == 300, "caught up")
        until(running.ready, "ready again")
        log = running.stop()
        assert "ClickHouse (RAPPORT_CLICKHOUSE)" in log
        client.close()


def test_a_clickhouse_that_hangs_is_waited_out(
    engines: Engines, settings: Settings, client: Any, prefix: str
) -> None:
    with columns(settings) as running:
        until(running.ready, "ready")
        engines.pause("clickhouse")
        try:
            publish(settings, visits(prefix, 100))
            until(lambda: "RAPPORT_CLICKHOUSE" in running.asked("/readyz").text, "said so")
        finally:
            engines.resume("clickhouse")
        until(lambda: counted(client, "touchpoints", prefix) == 100, "caught up")
        until(running.ready, "ready again")
        running.stop()


def test_while_kafka_is_down_it_says_so_and_goes_on_by_itself(
    engines: Engines, settings: Settings, client: Any, prefix: str
) -> None:
    with columns(settings) as running:
        until(running.ready, "ready")
        engines.kill("kafka")
        try:
            until(lambda: "RAPPORT_KAFKA" in running.asked("/readyz").text, "said so")
        finally:
            engines.start("kafka")
        publish(settings, visits(prefix, 100))
        until(lambda: counted(client, "touchpoints", prefix) == 100, "went on")
        until(running.ready, "ready again")
        running.stop()
        assert running.process.returncode == 0
