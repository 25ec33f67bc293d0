"""The compacted topic `suppressions`, read to its end and followed: a list in memory."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Any, Final

from confluent_kafka import KafkaException
from pydantic import ValidationError

from schemas.suppression import Suppression
from schemas.topics import SUPPRESSIONS
from services.common import clients
from services.common.settings import Settings
from services.common.suppression import HASH_BYTES, Listed, salt_mark
from services.common.topic_log import FETCH_WAIT_MS, NotRead, TopicLog, opened_by

log = logging.getLogger(__name__)

GROUP: Final = "suppressions"


class SuppressionLog(TopicLog):
    """The topic `suppressions`, from its beginning."""

    def __init__(self, consumer: Any) -> None:
        super().__init__(consumer, SUPPRESSIONS.name)


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


def opened(settings: Settings, wait_ms: int = FETCH_WAIT_MS) -> SuppressionLog:
    """The topic from its beginning. KafkaException or EngineMissing without Kafka."""
    return opened_by(settings, GROUP, SuppressionLog, wait_ms)


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
