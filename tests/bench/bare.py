"""The bare loops beside the rows: same decode, same topics, no state and no guarantee."""

from __future__ import annotations

import time
from collections.abc import Callable

from confluent_kafka import Consumer, Producer, TopicPartition

from services.common.batch import Record
from services.common.settings import Settings
from services.profile.decode import Arrival, read
from tests.bench.peers.fold import cpu_s
from tests.bench.stage import make_topic

BATCH = 2_000
OUT = "bench.bare.out"

Bare = Callable[[list[Record]], list[tuple[bytes, bytes]]]


def bare_loop(settings: Settings, topic: str, events: int, work: Bare) -> tuple[float, float]:
    """(events a second, CPU µs an event) of a loop: same decode, same topics' sizes, no state."""
    make_topic(settings, OUT)
    consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": "bare", "log_level": 2})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(settings.partitions)])
    producer = Producer(
        {"bootstrap.servers": settings.kafka, "compression.type": "lz4", "linger.ms": 5}
    )
    seen, began, cpu = 0, 0.0, 0.0
    while seen < events:
        messages = consumer.consume(BATCH, 1.0)
        if not seen:
            began, cpu = time.monotonic(), cpu_s()
        seen += len(messages)
        records = [Record(topic, 0, 0, m.key(), m.value() or b"") for m in messages]
        for key, value in work(records):
            producer.produce(OUT, value, key)
        producer.poll(0)
        if not messages and seen:
            break
    producer.flush()
    consumer.close()
    return seen / (time.monotonic() - began), (cpu_s() - cpu) / seen * 1e6


def resolved_bare(records: list[Record]) -> list[tuple[bytes, bytes]]:
    """Each event once more, and one of its size for each customer in the batch."""
    arrivals = [one for record in records if isinstance(one := read(record), Arrival)]
    changed = {arrival.event.names[0].value: arrival.record.value for arrival in arrivals}
    resolved = [(b"key", arrival.record.value) for arrival in arrivals]
    return resolved + [(user.encode(), value * 2) for user, value in changed.items()]
