"""Where the log begins: whether all that ever was accepted is still on it, and since when it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition

from services.common.ports import LogGone

#: Clocks of several ingest processes, and records that waited to be sent.
MARGIN: Final = timedelta(hours=1)
FIRST_RECORD_S_MAX: Final = 30.0


@dataclass(frozen=True, slots=True)
class Beginning:
    """`low`: partition -> its first offset. `whole_since`: people who were first heard of since
    then have all their events on the log; None: everybody has."""

    low: dict[int, int]
    whole_since: datetime | None

    def is_whole(self) -> bool:
        """Whether nothing was ever removed."""
        return self.whole_since is None


def beginning_of(consumer: Any, topic: str, partitions: int) -> Beginning:
    """Asked of Kafka. LogGone when it does not answer."""
    places = [TopicPartition(topic, partition) for partition in range(partitions)]
    try:
        marks = {place.partition: consumer.get_watermark_offsets(place, 30) for place in places}
        low = {partition: first for partition, (first, _) in marks.items()}
        cut = [partition for partition, first in low.items() if first > 0]
        since = [_first_at(consumer, topic, one, *marks[one]) for one in cut]
    except KafkaException as error:
        raise LogGone(f"Kafka (RAPPORT_KAFKA): {error}") from error
    return Beginning(low, max(since) + MARGIN if since else None)


def _first_at(consumer: Any, topic: str, partition: int, low: int, high: int) -> datetime:
    """When the first record that is left was written; nothing is left: only from now on."""
    if low == high:
        return datetime.now(UTC)
    consumer.assign([TopicPartition(topic, partition, low)])
    deadline = time.monotonic() + FIRST_RECORD_S_MAX
    try:
        while time.monotonic() < deadline:
            for message in consumer.consume(1, 1.0):
                if message.error() is None:
                    return datetime.fromtimestamp(message.timestamp()[1] / 1_000, UTC)
    finally:
        consumer.unassign()
    raise LogGone(f"{topic}[{partition}]: no record came in {FIRST_RECORD_S_MAX:.0f} s")
