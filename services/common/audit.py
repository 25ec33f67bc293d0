"""The audit trail: what is done about people, in chains of records that show every change.

Whoever acts makes an Act and notes it. `Audit.note` returns when Kafka has it (for commands);
`services.common.audit_queue.AuditQueue` notes behind a read and never holds it up.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Protocol

from confluent_kafka import KafkaException

from schemas.audit import AuditRecord, ChainEnd
from schemas.base import derived_id, to_json
from schemas.cloudevents import rfc3339_bytes, source_of
from schemas.topics import AUDIT
from services.common.batch import Output
from services.common.kafka_publisher import Reports, hand_over, settle
from services.common.ports import PublishFailed

PUBLISHED_WITHIN_S: Final = 30.0
#: Ends of chains that a new one names, the newest of them.
FOLLOWED_MAX: Final = 100
_BEGINNING: Final = "0" * 64


class NotKept(Exception):  # noqa: N818 - a state of the world
    """The audit trail does not take the act, so it must not be done."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who does what about whom. Nothing in it may be an identifier's value (keyed hashes are none).

    `what` is a noun and a verb, such as profile.read; `subject` a profile id or a keyed hash.
    """

    who: str
    what: str
    workspace: str
    subject: str = ""
    details: Mapping[str, str | int | bool] = field(default_factory=dict)


class Auditor(Protocol):
    """Whoever keeps acts. NotKept: the act is not on record, so it must not be done."""

    def note(self, act: Act) -> None: ...


class Chain:
    """Makes the records of one writer, each with the hash of the one before it."""

    def __init__(self, writer: str, follows: Sequence[ChainEnd] = ()) -> None:
        self._writer = writer
        self._follows = tuple(follows[-FOLLOWED_MAX:])
        self._previous = _BEGINNING
        self._next = 0

    def record(self, act: Act, at: datetime) -> AuditRecord:
        """The next link: the act as it is recorded. ValueError where it is none."""
        draft = AuditRecord(
            writer=self._writer,
            sequence=self._next,
            event_id=derived_id("audit", self._writer, self._next),
            at=at,
            who=act.who,
            what=act.what,
            workspace=act.workspace,
            subject=act.subject,
            details=dict(act.details),
            follows=() if self._next else self._follows,
            previous=self._previous,
            hash=_BEGINNING,
        )
        made = draft.model_copy(update={"hash": digest(to_json(draft))})
        self._previous, self._next = made.hash, self._next + 1
        return made


def digest(value: bytes) -> str:
    """The hash that a record must have: of all its other fields, known to us or not."""
    said = json.loads(value)
    del said["hash"]
    return sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def as_output(record: AuditRecord) -> Output:
    """A record as it is published; all of a writer are in one partition."""
    return Output(
        AUDIT.name,
        record.writer.encode(),
        to_json(record),
        str(record.event_id).encode(),
        source_of(record.workspace),
        rfc3339_bytes(record.at),
        record.what.encode(),
    )


class Audit:
    """Notes acts one after the other; each is in Kafka when `note` returns. For any thread.

    What Kafka did not acknowledge is sent again before anything else: the chain has no holes,
    and a record that came twice is the same.
    """

    def __init__(
        self, make_producer: Callable[[], Any], chain: Chain, clock: Callable[[], datetime]
    ) -> None:
        self._make_producer = make_producer
        self._producer = make_producer()
        self._chain = chain
        self._clock = clock
        self._unsettled: list[Output] = []
        self._lock = threading.Lock()

    def note(self, act: Act) -> None:
        """Returns when the act is on record; NotKept when it is not."""
        self.note_at([(act, self._clock())])

    def note_at(self, acts: Sequence[tuple[Act, datetime]]) -> None:
        """The same for several, at the moments at which they were done."""
        with self._lock:
            self._unsettled += [as_output(self._chain.record(*one)) for one in acts]
            self._publish()

    def settle(self) -> None:
        """Send again what was not acknowledged. NotKept."""
        with self._lock:
            self._publish()

    def _publish(self) -> None:
        reports = Reports()
        try:
            for record in self._unsettled:
                hand_over(self._producer, record, reports)
                self._producer.poll(0)
            self._producer.flush(PUBLISHED_WITHIN_S)
            settle(reports, len(self._unsettled))
        except (KafkaException, BufferError, PublishFailed) as error:
            self._producer.purge()
            self._producer = self._make_producer()
            raise NotKept(f"the audit trail is not written (RAPPORT_KAFKA): {error}") from error
        self._unsettled = []
