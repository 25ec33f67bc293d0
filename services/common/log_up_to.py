"""A step's log in Kafka that reads all partitions by itself, in no group, as far as it may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from services.common.batch import Record
from services.common.kafka_log import KafkaLog


class LogUpTo(KafkaLog):
    """Partitions are there from the beginning. `read_until` says where each ends for now."""

    def __init__(self, consumer: Any, topic: str, batch_max: int, partitions: int) -> None:
        self._consumer = consumer
        self._topic = topic
        self._batch_max = batch_max
        self._assigned = dict.fromkeys(range(partitions), 1)
        self._at_end: set[int] = set()
        self._ahead: list[Record] = []
        self._has_more = False
        self._until: Mapping[int, int] = {}
        self._next: dict[int, int] = {}
        self._beyond: dict[int, list[Record]] = {}
        places = [TopicPartition(topic, one, OFFSET_BEGINNING) for one in self._assigned]
        consumer.incremental_assign(places)
        consumer.pause(places)

    def read_until(self, until: Mapping[int, int]) -> None:
        """The first offset of each partition that is not to be read now; never less than before."""
        self._until = until
        again = []
        for partition, records in list(self._beyond.items()):
            within = [one for one in records if one.offset < until.get(partition, 0)]
            self._ahead += within
            self._note(within)
            if len(within) < len(records):
                self._beyond[partition] = records[len(within) :]
            else:
                del self._beyond[partition]
                again.append(TopicPartition(self._topic, partition))
        if again:
            self._consumer.resume(again)

    def behind(self) -> int:
        """How many offsets are left to read, and records that wait to be taken."""
        left = sum(
            max(0, end - self._next[partition])
            for partition, end in self._until.items()
            if partition in self._next
        )
        return left + len(self._ahead)

    def begins(self) -> Mapping[int, int]:
        """What is read next of each partition that was sought; what waits to be taken is read."""
        return self._next

    def take(self, timeout_s: float) -> list[Record]:
        """Up to batch_max records; does not wait where nothing is left to read."""
        records, self._ahead = self._ahead, []
        most = min(self._batch_max, len(records) + self.behind()) - len(records)
        records += self._within(most, timeout_s)
        self._has_more = len(records) >= self._batch_max
        return records

    def take_ahead(self) -> list[Record]:
        """What the next `take` begins with."""
        most = min(self._batch_max, self.behind()) - len(self._ahead)
        self._ahead += self._within(most, 0)
        return list(self._ahead)

    def seek(self, partition: int, offset: int | None) -> int:
        """As KafkaLog; what was read of the partition before is forgotten."""
        self._beyond.pop(partition, None)
        start = super().seek(partition, offset)
        self._next[partition] = start
        return start

    def _within(self, most: int, timeout_s: float) -> list[Record]:
        """Of what comes, the records that may be read now; the others wait, and theirs pause."""
        if most <= 0:
            return []
        records, paused = [], set()
        for record in self._consumed(most, timeout_s):
            if record.offset < self._until.get(record.partition, 0):
                records.append(record)
            else:
                self._beyond.setdefault(record.partition, []).append(record)
                paused.add(record.partition)
        if paused:
            self._consumer.pause([TopicPartition(self._topic, one) for one in paused])
        self._note(records)
        return records

    def _note(self, records: list[Record]) -> None:
        for record in records:
            self._next[record.partition] = record.offset + 1
