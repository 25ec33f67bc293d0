"""Each engine goes away under running services: who says what, goes on, catches up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from confluent_kafka import Consumer, TopicPartition

from deploy.embedded.engines import Engines, start_engines
from deploy.embedded.ports import free_port
from schemas.topics import LIFECYCLE
from services.cli.services import Services, start_services
from services.common.clients import clickhouse_client, ensure_topics
from services.common.settings import Settings
from tests.waiting import until

WORKSPACE = Path(__file__).parents[2] / "deploy" / "workspace"


@dataclass
class Running:
    """Engines and services of one test."""

    settings: Settings
    engines: Engines
    services: Services

    def order(self, user: str) -> int:
        """Send the first order of a customer; the status of the answer."""
        call = {
            "userId": user,
            "event": "Order Completed",
            "messageId": f"m-{user}",
            "properties": {"order_id": f"o-{user}", "total": 12.5, "currency": "USD"},
        }
        answer = httpx.post(
            f"{self.services.http}/v1/track",
            json=call,
            auth=("demo-write-key", ""),
            timeout=30,
            trust_env=False,
        )
        return answer.status_code

    def ready(self, service: str) -> tuple[int, str]:
        """Status and text of /readyz."""
        url = f"{self.services.health(service)}/readyz"
        answer = httpx.get(url, timeout=20, trust_env=False)
        return answer.status_code, answer.text

    def stages(self) -> int:
        """Distinct transitions published so far."""
        return len({message.key() for message in _all(self.settings, LIFECYCLE.name)})

    def columns(self) -> int:
        """Customers that ClickHouse shows; none before columns made the tables."""
        with clickhouse_client(self.settings) as client, suppress(DatabaseError):
            return int(client.command("SELECT count() FROM rapport.customers"))
        return 0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("outages")
    engines = start_engines(home)
    settings = Settings(
        kafka=engines.kafka,
        redis=engines.redis,
        clickhouse=engines.clickhouse,
        home=home,
        workspace=WORKSPACE,
        http_port=free_port(),  # other tests start services at the same time
        profile_api_port=free_port(),
    )
    try:
        ensure_topics(settings)
        services = start_services(home, engines, settings)
        try:
            services.wait_until_ready()
            yield Running(settings, engines, services)
        finally:
            services.stop()
    finally:
        engines.stop()


def _all(settings: Settings, topic: str) -> list[Any]:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "reader",
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(settings.partitions)])
    found, at_end = [], 0
    while at_end < settings.partitions:
        for message in consumer.consume(500, 0.5):
            if message.error() is None:
                found.append(message)
            else:
                at_end += 1
    consumer.close()
    return found


def test_without_clickhouse_everything_but_the_columns_goes_on(running: Running) -> None:
    assert running.order("ada") == 200
    until(lambda: running.columns() == 1)
    running.engines.kill("clickhouse")
    assert running.order("bob") == 200
    until(lambda: running.stages() == 2)
    until(lambda: running.ready("columns")[0] == 503)
    assert "RAPPORT_CLICKHOUSE" in running.ready("columns")[1]
    assert running.ready("profile")[0] == 200
    running.engines.start("clickhouse")
    until(lambda: running.columns() == 2)
    until(lambda: running.ready("columns")[0] == 200)


def test_without_redis_events_are_taken_and_have_their_effect_afterwards(
    running: Running,
) -> None:
    before = running.stages()
    running.engines.kill("redis")
    until(lambda: running.ready("profile")[0] == 503)
    assert "RAPPORT_REDIS" in running.ready("profile")[1]
    assert running.order("carl") == 200
    running.engines.start("redis")
    until(lambda: running.stages() == before + 1)
    until(lambda: running.ready("profile")[0] == 200)


def test_without_kafka_ingest_answers_503_and_goes_on_by_itself(running: Running) -> None:
    before = running.stages()
    running.engines.kill("kafka")
    until(lambda: running.ready("ingest")[0] == 503)
    assert "RAPPORT_KAFKA" in running.ready("ingest")[1]
    assert running.order("dora") == 503
    running.engines.start("kafka")
    until(lambda: running.order("dora") == 200)
    until(lambda: running.stages() == before + 1)
    assert running.services.restarts == dict.fromkeys(running.services.watched, 0)
