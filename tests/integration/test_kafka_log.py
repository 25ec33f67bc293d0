"""The step's log on a real Kafka: what is taken ahead comes in its turn, unless it is sought."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.embedded.engines import Engines
from services.common import clients
from services.common.batch import Record
from services.common.kafka_log import KafkaLog
from services.common.settings import Settings
from tests import waiting

until = partial(waiting.until, within_s=20.0)

RECORDS, BATCH = 20, 8


@pytest.fixture
def topic(engines: Engines) -> str:
    """Two partitions of so many records, each value its offset."""
    name = f"log-{uuid4()}"
    admin = AdminClient({"bootstrap.servers": engines.kafka})
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(30)
    producer = Producer({"bootstrap.servers": engines.kafka})
    for partition in (0, 1):
        for offset in range(RECORDS):
            producer.produce(name, b"%d" % offset, b"key", partition)
    assert producer.flush(30) == 0
    return name


@contextmanager
def reading(engines: Engines, topic: str) -> Iterator[KafkaLog]:
    """A log whose partitions are both sought to their beginning."""
    settings = Settings(kafka=engines.kafka, redis=engines.redis)
    with closing(KafkaLog(clients.consumer(settings, topic), topic, BATCH)) as log:
        until(lambda: bool(log.take(0.1)) or len(log.assigned()) == 2)
        for partition in (0, 1):
            log.seek(partition, 0)
        yield log


def places(records: list[Record]) -> list[tuple[int, int]]:
    return [(record.partition, record.offset) for record in records]


def test_every_record_comes_once_and_in_order_also_when_taken_ahead(
    engines: Engines, topic: str
) -> None:
    taken: list[Record] = []

    def take() -> bool:
        records = log.take(0.1)
        assert len(records) <= BATCH
        assert log.has_more() == (len(records) == BATCH)
        taken.extend(records)
        if log.has_more():
            ahead = log.take_ahead()
            assert log.take_ahead()[: len(ahead)] == ahead
        return len(taken) >= 2 * RECORDS

    with reading(engines, topic) as log:
        until(take)
        for partition in (0, 1):
            mine = [place for place in places(taken) if place[0] == partition]
            assert mine == [(partition, offset) for offset in range(RECORDS)]


def test_what_was_taken_ahead_of_a_partition_that_is_sought_is_read_again(
    engines: Engines, topic: str
) -> None:
    taken: list[Record] = []

    def take() -> bool:
        taken.extend(log.take(0.1))
        return len(taken) >= 2 * RECORDS

    with reading(engines, topic) as log:
        until(lambda: len(log.take_ahead()) == BATCH)
        sought = log.take_ahead()[0].partition
        assert log.lag()[sought] == RECORDS, "what is ahead still waits"
        log.seek(sought, 0)
        until(take)
        for partition in (0, 1):
            mine = [place for place in places(taken) if place[0] == partition]
            assert mine == [(partition, offset) for offset in range(RECORDS)]
