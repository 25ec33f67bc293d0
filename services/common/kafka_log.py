"""The step's log in Kafka: takes micro-batches, and starts each partition where Redis says."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from services.common.batch import CONTROL_KEY, Headers, Record
from services.common.clients import unless_lost
from services.common.ports import Gap, LogGone

log_to = logging.getLogger(__name__)

WATERMARK_TIMEOUT_S = 10


class KafkaLog:
    """Newly assigned partitions stay paused until they are sought."""

    def __init__(self, consumer: Any, topic: str, batch_max: int) -> None:
        self._consumer = consumer
        self._topic = topic
        self._batch_max = batch_max
        self._assigned: dict[int, int] = {}
        self._assignments = 0
        self._at_end: set[int] = set()
        self._ahead: list[Record] = []
        self._has_more = False
        consumer.subscribe(
            [topic], on_assign=self._on_assign, on_revoke=self._on_lost, on_lost=self._on_lost
        )

    def take(self, timeout_s: float) -> list[Record]:
        """Up to batch_max records of assigned, sought partitions, in order within each."""
        records, self._ahead = self._ahead, []
        records += self._consumed(self._batch_max - len(records), timeout_s)
        self._has_more = len(records) == self._batch_max
        return records

    def has_more(self) -> bool:
        """Whether the last `take` brought as many records as it may."""
        return self._has_more

    def take_ahead(self) -> list[Record]:
        """What the next `take` begins with: all that is there, without waiting."""
        self._ahead += self._consumed(self._batch_max - len(self._ahead), 0)
        return list(self._ahead)

    def _consumed(self, most: int, timeout_s: float) -> list[Record]:
        records: list[Record] = []
        if most == 0:
            return records
        for message in self._consumer.consume(most, timeout_s):
            if (error := message.error()) is None:
                partition, key = message.partition(), message.key()
                # most have their headers left unread, which would cost as much as all the rest
                headers = _headers(message) if key and key.startswith(CONTROL_KEY) else ()
                value = message.value() or b""
                records.append(
                    Record(self._topic, partition, message.offset(), key, value, headers)
                )
                self._at_end.discard(partition)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._at_end.add(message.partition())
            else:
                self._complain(error)
        return records

    def at_end(self) -> frozenset[int]:
        """Partitions read to their end, of a consumer with `enable.partition.eof`."""
        return frozenset(self._at_end)

    def assigned(self) -> Mapping[int, int]:
        """The partitions this worker has now, each with the number of its assignment.

        Who wakes after the session time-out loses all and gets them back within one `take`.
        """
        return dict(self._assigned)

    def seek(self, partition: int, offset: int | None) -> int:
        """Go on from an offset, None: from the beginning; the offset it starts at.

        Raises Gap when the log does not reach from there to its end without a hole.
        """
        place = TopicPartition(self._topic, partition)
        low, high = self._watermarks(place)
        if offset is not None and not low <= offset <= high:
            raise Gap(
                f"{self._topic}[{partition}]: the stored position is {offset}, but the log holds "
                f"{low} to {high}: records {min(offset, high)} to {max(low, offset)} are gone. "
                "Restore the topic, or accept the gap with `rapport position accept`"
            )
        start = low if offset is None else offset
        self._at_end.discard(partition)
        self._ahead = [record for record in self._ahead if record.partition != partition]
        self._consumer.incremental_unassign([place])
        self._consumer.incremental_assign([TopicPartition(self._topic, partition, start)])
        self._consumer.resume([place])
        return start

    def pause(self) -> None:
        """Keep the membership alive while an engine is away; what arrives is read again later."""
        parts = [TopicPartition(self._topic, partition) for partition in self._assigned]
        with contextlib.suppress(KafkaException):
            self._consumer.pause(parts)
        self._consumer.consume(1, 0.1)

    def lag(self) -> dict[int, int]:
        """Records between the position and the end, as far as the consumer knows."""
        behind = {}
        ahead = Counter(record.partition for record in self._ahead)
        places = [TopicPartition(self._topic, partition) for partition in self._assigned]
        for place in self._consumer.position(places) if places else ():
            high = self._consumer.get_watermark_offsets(place, cached=True)[1]
            if high >= 0 and place.offset >= 0:
                behind[place.partition] = max(0, high - place.offset) + ahead[place.partition]
        return behind

    def close(self) -> None:
        self._consumer.close()

    def _watermarks(self, place: TopicPartition) -> tuple[int, int]:
        try:
            low, high = self._consumer.get_watermark_offsets(place, timeout=WATERMARK_TIMEOUT_S)
        except KafkaException as error:  # a leader is being elected, or the broker is away
            raise LogGone(f"Kafka (RAPPORT_KAFKA): {error}") from error
        return low, high

    def _on_assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        mine = [p for p in partitions if p.topic == self._topic]
        consumer.incremental_assign(
            [TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in mine]
        )
        consumer.pause(mine)
        self._assignments += 1
        self._assigned |= dict.fromkeys([p.partition for p in mine], self._assignments)

    def _on_lost(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._assigned.pop(place.partition, None)
        self._at_end &= self._assigned.keys()
        consumer.incremental_unassign(partitions)

    def _complain(self, error: KafkaError) -> None:
        log_to.warning("Kafka (RAPPORT_KAFKA): %s", unless_lost(error))


def _headers(message: Any) -> Headers:
    """Those that have a value."""
    return tuple((name, value) for name, value in message.headers() or () if value is not None)
