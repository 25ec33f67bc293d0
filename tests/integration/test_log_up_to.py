"""The log of a rebuild: it reads as far as it may, no record further, and none twice."""

from __future__ import annotations

import time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.embedded.engines import Engines
from services.common import clients
from services.common.log_up_to import LogUpTo
from services.common.settings import Settings


def test_it_reads_to_where_it_may_and_goes_on_from_there(engines: Engines, prefix: str) -> None:
    admin = AdminClient({"bootstrap.servers": engines.kafka})
    admin.create_topics([NewTopic(prefix, 2)])[prefix].result(30)
    producer = Producer({"bootstrap.servers": engines.kafka})
    for number in range(200):
        producer.produce(prefix, str(number), partition=number % 2)
    assert producer.flush(30) == 0
    settings = Settings(kafka=engines.kafka, redis=engines.redis)
    log = LogUpTo(clients.consumer(settings, prefix, **{"fetch.min.bytes": 1}), prefix, 1_000, 2)
    assert [log.seek(partition, None) for partition in (0, 1)] == [0, 0]
    read: list[bytes] = []
    for until in ({0: 30, 1: 0}, {0: 30, 1: 0}, {0: 31, 1: 77}, {0: 100, 1: 100}):
        log.read_until(until)
        deadline = time.monotonic() + 30
        while log.behind():
            assert time.monotonic() < deadline
            taken = log.take(0.2)
            assert all(one.offset < until[one.partition] for one in taken)
            read += [one.value for one in taken]
        assert log.take(0.2) == []
        assert len(read) == sum(until.values())
    log.close()
    assert sorted(map(int, read)) == list(range(200))
