"""What ingest wrote into the log: message ids with the event ids of their records."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.topics import ACCEPTED, DEAD_LETTERS

LEADER_TRIES: Final = 50

#: Topic and partition -> the first offset that is not there yet.
Ends = Mapping[tuple[str, int], int]


@dataclass
class Found:
    """Message id -> the event ids of its records, in the order of the log."""

    accepted: dict[str, list[str]] = field(default_factory=dict)
    dead_letters: dict[str, list[str]] = field(default_factory=dict)


def ends(kafka: str) -> dict[tuple[str, int], int]:
    """Where the topics that ingest writes to end now."""
    found = {}
    with closing(Consumer({"bootstrap.servers": kafka, "group.id": "ends"})) as consumer:
        for topic in (ACCEPTED.name, DEAD_LETTERS.name):
            known = consumer.list_topics(topic, 30).topics.get(topic)
            for partition in known.partitions if known and not known.error else ():
                found[topic, partition] = _end(consumer, TopicPartition(topic, partition))
    return found


def _end(consumer: Consumer, place: TopicPartition) -> int:
    """The end of one partition; a topic that was just made has no leader for a moment."""
    for _ in range(LEADER_TRIES - 1):
        try:
            return int(consumer.get_watermark_offsets(place, 30)[1])
        except KafkaException:
            time.sleep(0.2)
    return int(consumer.get_watermark_offsets(place, 30)[1])


def in_the_log(kafka: str, since: Ends, prefix: str) -> Found:
    """Every record of these senders that was written since then."""
    found = Found()
    settings: dict[str, Any] = {
        "bootstrap.servers": kafka,
        "group.id": "kills",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    until = ends(kafka)
    with closing(Consumer(settings)) as consumer:
        consumer.assign([TopicPartition(*place, since.get(place, 0)) for place in until])
        at_end: set[tuple[str, int]] = set()
        while len(at_end) < len(until):
            for message in consumer.consume(5_000, 1.0):
                if message.error() is not None:
                    at_end.add((message.topic() or "", message.partition() or 0))
                    continue
                at_end.discard((message.topic() or "", message.partition() or 0))
                record = _record(message.value() or b"")
                if record.message_id is not None and record.message_id.startswith(prefix):
                    accepted = message.topic() == ACCEPTED.name
                    into = found.accepted if accepted else found.dead_letters
                    into.setdefault(record.message_id, []).append(record.event_id)
    return found


class _Named(msgspec.Struct):
    event_id: str
    message_id: str | None = None


_record = msgspec.json.Decoder(_Named).decode
