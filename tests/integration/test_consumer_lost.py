"""A consumer whose name another one takes is silent for ever: whoever reads by it must not be."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.embedded.engines import Engines
from services.common import clients
from services.common.kafka_log import KafkaLog
from services.common.settings import Settings
from tests.integration.test_ingest import found, of_messages, running
from tests.waiting import until

INBOUND = "touchpoints.inbound"
#: Two heartbeats (Kafka's default is one in three seconds): the other one has heard of it by then.
HEARD_WITHIN_S = 6.0


@pytest.fixture
def settings(engines: Engines) -> Settings:
    """Of a member with a name of its own."""
    return Settings(kafka=engines.kafka, instance=f"twin{uuid4().hex}", session_timeout_ms=6_000)


@pytest.fixture
def topic(engines: Engines) -> str:
    name = f"lost-{uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": engines.kafka})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(30)
    return name


def take_the_name(settings: Settings, group: str, topic: str) -> None:
    """As a second process with the same RAPPORT_INSTANCE does, which then goes."""
    with closing(clients.consumer(settings, group)) as twin:
        twin.subscribe([topic])

        def joined() -> bool:
            twin.consume(1, 0.1)
            return bool(twin.assignment())

        until(joined, "the twin to be given partitions")
        time.sleep(HEARD_WITHIN_S)


def test_a_log_says_that_its_consumer_is_lost(settings: Settings, topic: str) -> None:
    with closing(KafkaLog(clients.consumer(settings, topic), topic, 10)) as log:
        until(lambda: log.take(0.1) or log.assigned(), "partitions")
        take_the_name(settings, topic, topic)
        with pytest.raises(clients.ConsumerLost, match=r"same group\.instance\.id"):
            until(lambda: log.take(0.1), "the last word of Kafka's client", 20)


def test_ingest_reads_on_after_its_name_was_taken(settings: Settings, tmp_path: Path) -> None:
    prefix = uuid4().hex
    producer = Producer({"bootstrap.servers": settings.kafka})

    def send(name: str) -> None:
        call = {"type": "track", "event": "Called", "userId": "u", "messageId": f"{prefix}-{name}"}
        producer.produce(INBOUND, json.dumps(call).encode())
        assert producer.flush(30) == 0

    with running(settings.kafka, tmp_path, RAPPORT_INSTANCE=settings.instance):
        send("before")
        found(settings.kafka, "touchpoints.accepted", of_messages(f"{prefix}-before"), 1)
        take_the_name(settings, "ingest", INBOUND)
        send("after")
        found(settings.kafka, "touchpoints.accepted", of_messages(f"{prefix}-after"), 1)
