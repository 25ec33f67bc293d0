"""Builders for the tests of suppression: entries, a fake topic, a list with somebody on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from confluent_kafka import KafkaError

from services.common.batch import Output
from services.common.suppression import Act, Hashes, Listed, Writer
from services.common.suppression_log import Follower, SuppressionLog
from services.ingest.door import Door
from services.ingest.keys import Doors
from tests.unit.ingest_builders import NOW, SALT, WORKSPACE, WORKSPACES

Known = tuple[str, str]


def listed(*names: Known, until: datetime | None = None, workspace: str = "demo") -> Listed:
    """A list that is known, with these (normalised) on it."""
    made = Listed()
    for kind, value in names:
        made.put(Hashes(SALT, workspace).of(kind, value), until)
    return made


def guarded(*names: Known) -> Door:
    """A door that keeps these out."""
    return Door(WORKSPACE, "web", SALT, listed(*names))


def guarded_doors(*names: Known) -> Doors:
    return Doors(WORKSPACES, SALT, listed(*names))


def entry(kind: str, value: str, salt: str = SALT, until: datetime | None = None) -> Output:
    """The record that suppresses somebody."""
    act = Act("demo", "ada", NOW, until=until)
    return Writer(salt, "demo").suppressed(kind, value, act)


@dataclass
class FakeMessage:
    """A record of the topic, or the mark of its end."""

    key_: bytes | None = None
    value_: bytes | None = None
    at_end: bool = False

    def error(self) -> KafkaError | None:
        return KafkaError(KafkaError._PARTITION_EOF) if self.at_end else None

    def partition(self) -> int:
        return 0

    def key(self) -> bytes | None:
        return self.key_

    def value(self) -> bytes | None:
        return self.value_


@dataclass
class FakeTopic:
    """A consumer of one partition; what is put later is read later."""

    waiting: list[FakeMessage] = field(default_factory=list)

    def list_topics(self, topic: str, timeout: float) -> Any:
        return type("Found", (), {"topics": {topic: type("Topic", (), {"partitions": {0: None}})}})

    def assign(self, places: Sequence[Any]) -> None:
        assert [place.partition for place in places] == [0]

    def consume(self, most: int, _timeout_s: float) -> list[FakeMessage]:
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        return taken

    def put(self, *records: Output) -> None:
        self.waiting += [FakeMessage(one.key, one.value) for one in records]

    def end(self) -> None:
        self.waiting.append(FakeMessage(at_end=True))


def followed(topic: FakeTopic, made: Listed, salt: str = SALT) -> Follower:
    return Follower(SuppressionLog(topic), made, salt)
