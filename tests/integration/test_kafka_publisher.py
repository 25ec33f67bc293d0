"""Publishing with a real Kafka: all of it is acknowledged, or PublishFailed says that it is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.embedded.engines import Engines
from services.common import clients
from services.common.batch import Output
from services.common.kafka_publisher import FencedPublisher, PlainPublisher
from services.common.ports import Publisher, PublishFailed
from services.common.settings import Settings

RECORD_BYTES_MAX = 200_000


@pytest.fixture
def topic(engines: Engines, prefix: str) -> str:
    """One partition that refuses batches beyond RECORD_BYTES_MAX."""
    admin = AdminClient({"bootstrap.servers": engines.kafka})
    bounds = {"max.message.bytes": str(RECORD_BYTES_MAX)}
    for created in admin.create_topics([NewTopic(prefix, 1, 1, config=bounds)]).values():
        created.result()
    return prefix


@pytest.fixture(params=["fenced", "plain"])
def publisher(request: pytest.FixtureRequest, engines: Engines, topic: str) -> Iterator[Publisher]:
    settings = Settings(kafka=engines.kafka, redis=engines.redis)
    if request.param == "plain":
        yield PlainPublisher(partial(clients.producer, settings))
        return
    make = partial(clients.producer, settings, **clients.fenced(settings, topic))
    with closing(clients.consumer(settings, topic)) as consumer:
        consumer.assign([TopicPartition(topic, 0, 0)])
        yield FencedPublisher(make, consumer, topic)


def read(kafka: str, topic: str) -> list[bytes]:
    """What a reader of committed records sees."""
    settings = {"bootstrap.servers": kafka, "group.id": topic, "isolation.level": "read_committed"}
    with closing(Consumer(settings | {"enable.auto.commit": False})) as consumer:
        consumer.assign([TopicPartition(topic, 0, 0)])
        values: list[bytes] = []
        while messages := consumer.consume(100, 2.0):
            values += [message.value() or b"" for message in messages if message.error() is None]
    return values


def test_what_is_published_can_be_read(publisher: Publisher, engines: Engines, topic: str) -> None:
    values = [b"%d" % number for number in range(1_200)]
    publisher.publish([Output(topic, b"key", value) for value in values], {}, None)
    assert read(engines.kafka, topic) == values


def test_one_record_that_kafka_refuses_fails_the_publishing(
    publisher: Publisher, engines: Engines, topic: str
) -> None:
    """In a transaction nothing is read of it then; and the next publishing does its own."""
    refused = Output(topic, b"key", os.urandom(2 * RECORD_BYTES_MAX))
    with pytest.raises(PublishFailed, match="RAPPORT_KAFKA"):
        publisher.publish([Output(topic, b"key", b"before"), refused], {}, None)
    publisher.publish([Output(topic, b"key", b"after")], {}, None)
    seen = read(engines.kafka, topic)
    assert seen[-1] == b"after"
    if isinstance(publisher, FencedPublisher):
        assert seen == [b"after"]


def test_after_kafka_was_away_the_first_publishing_arrives(
    publisher: Publisher, engines: Engines, topic: str
) -> None:
    """A transaction of a producer that was idle meanwhile would hear nothing, and fail."""
    publisher.publish([Output(topic, b"key", b"before")], {0: 1}, publisher.membership())
    if "kafka" not in engines.processes:
        pytest.skip("this Kafka is not ours to stop")
    engines.kill("kafka")
    engines.start("kafka")
    settings = Settings(kafka=engines.kafka, redis=engines.redis)
    assert clients.wait_for(settings, "Kafka", stopped=lambda: False)
    publisher.publish([Output(topic, b"key", b"after")], {0: 2}, publisher.membership())
    assert read(engines.kafka, topic) == [b"before", b"after"]
