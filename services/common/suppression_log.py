"""The compacted topic `suppressions`, read to its end and followed: a list in memory."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition
from pydantic import ValidationError

from schemas.suppression import Suppression
from schemas.topics import SUPPRESSIONS
from services.common import clients
from services.common.settings import Settings
from services.common.suppression import HASH_BYTES, Listed, salt_mark

log = logging.getLogger(__name__)

GROUP: Final = "suppressions"
ANSWERED_WITHIN_S: Final = 10.0
SILENT_S_MAX: Final = 30.0
TAKEN_MAX: Final = 5_000


class NotRead(Exception):  # noqa: N818 - a state of the world
    """The list could not be read to its end."""


class SuppressionLog:
    """Reads all partitions from their beginning, with a consumer that never commits."""

    def __init__(self, consumer: Any) -> None:
        """KafkaException where Kafka does not answer."""
        self._consumer = consumer
        found = consumer.list_topics(SUPPRESSIONS.name, timeout=ANSWERED_WITHIN_S)
        partitions = found.topics[SUPPRESSIONS.name].partitions
        self._open = set(partitions)
        self._said_at = -SILENT_S_MAX
        self.records = 0
        consumer.assign(
            [TopicPartition(SUPPRESSIONS.name, number, OFFSET_BEGINNING) for number in partitions]
        )

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
                log.warning("Kafka (RAPPORT_KAFKA), %s: %s", SUPPRESSIONS.name, error)
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
                raise NotRead(f"Kafka told nothing of {SUPPRESSIONS.name} for half a minute")

    def close(self) -> None:
        self._consumer.close()


class Follower:
    """Keeps a list as the topic says it."""

    def __init__(self, source: SuppressionLog, listed: Listed, salt: str) -> None:
        self._source = source
        self._listed = listed
        self._mark = salt_mark(salt)

    def follow(self, timeout_s: float = 0) -> None:
        """Take what is new; the list has no fault once it was read to its end."""
        for message in self._source.read(timeout_s):
            self._take(message.key(), message.value())
        if self._source.complete:
            self._listed.fault = None
        else:
            self._listed.fault = (
                f"the suppression list is not read to its end yet ({self._source.records:,} "
                "records so far)"
            )

    def catch_up(self) -> None:
        """Read to the end. NotRead when Kafka is silent for long."""
        for message in self._source.to_the_end():
            self._take(message.key(), message.value())
        self._listed.fault = None

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        hashed = hash_of(key)
        if hashed is None:
            log.error("a record of %s has no hash as its key; it is ignored", SUPPRESSIONS.name)
        elif not value:
            self._listed.lift(hashed)
        elif (entry := entry_of(value)) is None:
            log.error("the suppression %s can not be read; it is taken to hold", hashed.hex())
            self._listed.put(hashed, None)
        elif entry.salt != self._mark:
            self._listed.put_other(hashed)
        else:
            self._listed.put(hashed, entry.until)


def opened(settings: Settings, wait_ms: int = 10) -> SuppressionLog:
    """The topic from its beginning. KafkaException or EngineMissing without Kafka.

    `wait_ms`: so long the broker holds back that there is nothing more, which is how the end is
    known; a record is handed over when it comes.
    """
    told = {"enable.partition.eof": True, "fetch.min.bytes": 1, "fetch.wait.max.ms": wait_ms}
    consumer = clients.consumer(settings, GROUP, **told)
    try:
        return SuppressionLog(consumer)
    except (KafkaException, KeyError):
        consumer.close()
        raise


def listed_now(settings: Settings) -> Listed:
    """The list as it is now. NotRead where Kafka can not be asked."""
    with closing(opened_or_told(settings)) as source:
        return listed_in(source, settings.salt)


def listed_in(source: SuppressionLog, salt: str) -> Listed:
    """The list as the topic says it now. NotRead when Kafka is silent for long."""
    listed = Listed()
    Follower(source, listed, salt).catch_up()
    return listed


def opened_or_told(settings: Settings) -> SuppressionLog:
    """The topic from its beginning, made where it is missing. NotRead where Kafka is away."""
    if fault := clients.missing(settings, "Kafka"):
        raise NotRead(f"{fault}; who must not get in is read from it")
    try:
        clients.ensure_topics(settings)
        return opened(settings)
    except KafkaException as error:
        raise NotRead(f"the suppression list can not be read: {error}") from error


def entries(settings: Settings) -> dict[bytes, Suppression | None]:
    """Every entry by its hash, whatever its salt; None: one that can not be read. NotRead."""
    found: dict[bytes, Suppression | None] = {}
    with closing(opened_or_told(settings)) as source:
        for message in source.to_the_end():
            if (hashed := hash_of(message.key())) is None:
                continue
            if message.value():
                found[hashed] = entry_of(message.value())
            else:
                found.pop(hashed, None)
    return found


def hash_of(key: bytes | None) -> bytes | None:
    """The hash that a record's key is; None if it is none."""
    try:
        hashed = bytes.fromhex((key or b"").decode())
    except ValueError:
        return None
    return hashed if len(hashed) == HASH_BYTES else None


def entry_of(value: bytes) -> Suppression | None:
    """The entry of a record's value; None if it can not be read."""
    try:
        return Suppression.model_validate_json(value)
    except ValidationError:
        return None
