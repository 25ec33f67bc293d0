"""The bare loop: confluent-kafka micro-batches, state in memory, no guarantee."""

from __future__ import annotations

import sys
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.bench.peers.fold import Clock, decode, encode, folded

BATCH = 2_000


def main(kafka: str, source: str, target: str, partitions: int, events: int) -> None:
    """Read all, write a snapshot for each profile that a batch changed."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "bare", "log_level": 2})
    consumer.assign([TopicPartition(source, p, 0) for p in range(partitions)])
    producer = Producer({"bootstrap.servers": kafka, "compression.type": "lz4", "linger.ms": 5})
    profiles: dict[str, Any] = {}
    clock, done = Clock(events), False
    while not done:
        messages = consumer.consume(BATCH, 1.0)
        if not messages:
            continue
        done = clock.saw(len(messages))
        changed = {}
        for message in messages:
            event = decode(message.value() or b"")
            user = event["user"]
            profiles[user] = changed[user] = folded(profiles.get(user), event)
        for user, profile in changed.items():
            producer.produce(target, encode(profile), user)
        producer.poll(0)
    producer.flush()
    clock.report()
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
