"""A small topic read from its beginning, or only its last records, to where it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from services.common import clients
from services.common.settings import Settings

log = logging.getLogger(__name__)

ANSWERED_WITHIN_S: Final = 10.0
SILENT_S_MAX: Final = 30.0
TAKEN_MAX: Final = 5_000
#: So long the broker holds back that there is nothing more, which is how the end is known; a
#: record is handed over when it comes.
FETCH_WAIT_MS: Final = 10
#: librdkafka's RD_KAFKA_OFFSET_TAIL: so many before the end; where there are fewer, all of them.
TAIL_BASE: Final = -2_000

Read = TypeVar("Read", bound="TopicLog")


class NotRead(Exception):  # noqa: N818 - a state of the world
    """A topic could not be read to its end."""


class TopicLog:
    """Reads all partitions, with a consumer that never commits. `last`: only so many of each."""

    def __init__(self, consumer: Any, topic: str, last: int | None = None) -> None:
        """KafkaException where Kafka does not answer, KeyError where the topic is not there."""
        self._consumer = consumer
        self._topic = topic
        found = consumer.list_topics(topic, timeout=ANSWERED_WITHIN_S)
        partitions = found.topics[topic].partitions
        self._open = set(partitions)
        self._said_at = -SILENT_S_MAX
        self.records = 0
        start = OFFSET_BEGINNING if last is None else TAIL_BASE - last
        consumer.assign([TopicPartition(topic, number, start) for number in partitions])

    @property
    def complete(self) -> bool:
        """Whether every partition was read to where it ended."""
        return not self._open

    def read(self, timeout_s: float) -> list[Any]:
        """The next messages. Faults of Kafka are logged and go by."""
        taken = []
        for message in self._consumer.consume(TAKEN_MAX, timeout_s):
            error = message.error()
            if error is None:
                taken.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._open.discard(message.partition())
            elif time.monotonic() - self._said_at >= SILENT_S_MAX:  # an outage fills no log
                log.warning("Kafka (RAPPORT_KAFKA), %s: %s", self._topic, error)
                self._said_at = time.monotonic()
        self.records += len(taken)
        return taken

    def to_the_end(self) -> Iterator[Any]:
        """The messages up to where the topic ended. NotRead when Kafka is silent for long."""
        heard_at = time.monotonic()
        while not self.complete:
            for message in self.read(0.2):
                heard_at = time.monotonic()
                yield message
            if time.monotonic() - heard_at > SILENT_S_MAX:
                raise NotRead(f"Kafka told nothing of {self._topic} for half a minute")

    def close(self) -> None:
        self._consumer.close()


def opened_by(
    settings: Settings, group: str, read: Callable[[Any], Read], wait_ms: int = FETCH_WAIT_MS
) -> Read:
    """A topic as `read` makes it of a consumer. KafkaException, KeyError or EngineMissing."""
    told = {"enable.partition.eof": True, "fetch.min.bytes": 1, "fetch.wait.max.ms": wait_ms}
    consumer = clients.consumer(settings, group, **told)
    try:
        return read(consumer)
    except (KafkaException, KeyError):
        consumer.close()
        raise


def topic_log(settings: Settings, topic: str, last: int | None = None) -> TopicLog:
    """The topic, made where it is missing. NotRead where Kafka is away."""
    if fault := clients.missing(settings, "Kafka"):
        raise NotRead(f"{fault}; {topic} is read from it")
    try:
        clients.ensure_topics(settings)
        return opened_by(settings, topic, lambda consumer: TopicLog(consumer, topic, last))
    except (KafkaException, KeyError) as error:
        raise NotRead(f"{topic} can not be read: {error}") from error
