"""Who must not get in: how an identifier is hashed, the list in memory, and its records.

Whoever suppresses somebody (a person's command, an erasure) makes records here and publishes them
with `publish`; whoever lets events in asks `Listed`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from math import inf
from typing import Any, Final

from confluent_kafka import KafkaException

from schemas.base import derived_id, to_json
from schemas.cloudevents import rfc3339_bytes, source_of
from schemas.suppression import Suppression
from schemas.topics import SUPPRESSIONS
from services.common.batch import Output
from services.common.kafka_publisher import Reports, hand_over, settle
from services.common.ports import PublishFailed
from services.common.spelling import PLAIN, Known, Spellings

PUBLISHED_WITHIN_S: Final = 30.0
HASH_BYTES: Final = 16
_PURPOSE: Final = "suppression"


class Hashes:
    """Keyed hashes of one workspace's identifiers.

    Their key is not that of the routing keys, so nobody can tell by the two who was suppressed.
    """

    __slots__ = ("_keyed",)

    def __init__(self, salt: str, workspace: str) -> None:
        key = blake2b(f"{_PURPOSE}\x1f{salt}\x1f{workspace}".encode(), digest_size=32).digest()
        self._keyed = blake2b(digest_size=HASH_BYTES, key=key)

    def of(self, kind: str, value: str) -> bytes:
        """The 16 bytes of a normalised identifier."""
        digest = self._keyed.copy()
        digest.update(f"{kind}\x1f{value}".encode())
        return digest.digest()


def salt_mark(salt: str) -> str:
    """By what a list that was made with another salt is known; it does not tell the salt."""
    key = blake2b(salt.encode(), digest_size=32).digest()
    return blake2b(_PURPOSE.encode(), digest_size=4, key=key).hexdigest()


class Listed:
    """The hashes that are on the list now. One thread changes it, any other may look.

    `fault`: why the list can not be relied on yet. `others`: entries of another salt, which keep
    nobody out.
    """

    def __init__(self, fault: str | None = None, clock: Callable[[], float] = time.time) -> None:
        self.fault = fault
        #: Hash -> until when (seconds since 1970).
        self.hashes: dict[bytes, float] = {}
        self.others: set[bytes] = set()
        self._clock = clock

    def __len__(self) -> int:
        return len(self.hashes)

    def holds(self, hashed: bytes) -> bool:
        """Whether who has this hash must not get in now."""
        until = self.hashes.get(hashed)
        return until is not None and until > self._clock()

    def put(self, hashed: bytes, until: datetime | None) -> None:
        """From now on it counts."""
        self.others.discard(hashed)
        self.hashes[hashed] = inf if until is None else until.timestamp()

    def put_other(self, hashed: bytes) -> None:
        """It was made with another salt."""
        self.hashes.pop(hashed, None)
        self.others.add(hashed)

    def lift(self, hashed: bytes) -> None:
        """It counts no more."""
        self.hashes.pop(hashed, None)
        self.others.discard(hashed)


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does to the list of a workspace: who, when, and why."""

    workspace: str
    who: str
    at: datetime
    reason: str = "asked"
    until: datetime | None = None


class Writer:
    """Makes the records of one workspace's list, spelled by its rules."""

    def __init__(self, salt: str, workspace: str, spellings: Spellings = PLAIN) -> None:
        self._hashes = Hashes(salt, workspace)
        self._mark = salt_mark(salt)
        self._spellings = spellings

    def hashed(self, kind: str, value: str) -> bytes:
        """The hash of an identifier as it was typed. ValueError says what is wrong with it."""
        return self._hashes.of(kind, self._spellings.normalised(kind, value))

    def names(self, kind: str, value: str) -> tuple[Known, ...]:
        """The identifier and those that the rules make of it: who brings only the hash of an
        address is kept out with the address. ValueError where it is none."""
        return self._spellings.names(kind, value)

    def suppressed(self, kind: str, value: str, act: Act) -> Output:
        """The record that keeps an identifier out, itself alone. ValueError where it is none."""
        return self.suppressed_hash(kind, self.hashed(kind, value), act)

    def suppressed_hash(self, kind: str, hashed: bytes, act: Act) -> Output:
        """The same of an identifier of which only the hash is known."""
        text = hashed.hex()
        said = Suppression(
            workspace=act.workspace,
            event_id=derived_id(_PURPOSE, text, act.at.isoformat(), act.reason),
            hash=text,
            kind=kind,
            reason=act.reason,
            who=act.who,
            at=act.at,
            until=act.until,
            salt=self._mark,
        )
        return _output(text, to_json(said), str(said.event_id), act)


def lifted(hashed: bytes, act: Act) -> Output:
    """The record without a value that lets somebody in again."""
    event_id = derived_id(_PURPOSE, "lifted", hashed.hex(), act.at.isoformat())
    return _output(hashed.hex(), None, str(event_id), act)


def publish(producer: Any, records: Sequence[Output]) -> None:
    """Returns when Kafka has acknowledged every one. PublishFailed when it has not."""
    reports = Reports()
    try:
        for record in records:
            hand_over(producer, record, reports)
            producer.poll(0)
        producer.flush(PUBLISHED_WITHIN_S)
    except KafkaException as error:
        raise PublishFailed(str(error)) from error
    settle(reports, len(records))


def _output(hashed: str, value: bytes | None, event_id: str, act: Act) -> Output:
    return Output(
        SUPPRESSIONS.name,
        hashed.encode(),
        value,  # type: ignore[arg-type]  # a tombstone: the only output that has none
        event_id.encode(),
        source_of(act.workspace),
        rfc3339_bytes(act.at),
        hashed.encode(),
    )
