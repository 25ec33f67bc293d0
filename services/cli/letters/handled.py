"""What was done with letters, published: a record for each, with who did it, when and how."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from confluent_kafka import KafkaException

from schemas import topics
from schemas.base import derived_id, to_json
from schemas.cloudevents import headers, rfc3339, source_of
from schemas.letter_handled import Handling, LetterHandled
from services.cli.letters.letter import Letter
from services.cli.letters.ways import Sent
from services.common import clients
from services.common.kafka_publisher import hand_over
from services.common.settings import Settings

PUBLISHED_WITHIN_S: Final = 30.0

#: (partition, offset)
Place = tuple[int, int]


class NotPublished(Exception):  # noqa: N818 - a state of the world
    """Kafka did not confirm everything. It is safe to run the command again."""


class Run(NamedTuple):
    """One command: who runs it, and with what words."""

    id: UUID
    who: str
    rule: str = ""
    why: str = ""


def new_run(rule: str = "", why: str = "") -> Run:
    """A run of the one who is logged in."""
    return Run(uuid4(), who_is_here(), rule[:2_000], why[:2_000])


def publisher(settings: Settings) -> Any:
    """A producer, with the topics in place. NotPublished where Kafka does not answer."""
    if fault := clients.missing(settings, "Kafka"):
        raise NotPublished(fault)
    clients.ensure_topics(settings)
    return clients.producer(settings, **{"message.timeout.ms": 20_000})


def handled(letter: Letter, handling: Handling, run: Run, now: datetime) -> Sent:
    """The record of what was done with a letter."""
    id = derived_id("handled", run.id, letter.workspace, letter.id)
    said = LetterHandled(
        workspace=letter.workspace,
        event_id=id,
        letter_id=letter.id,
        letter_at=letter.at,
        handling=handling,
        at=now,
        who=run.who,
        run=run.id,
        rule=run.rule,
        why=run.why,
    )
    marks = headers(
        topics.HANDLED.name,
        event_id=str(id).encode(),
        source=source_of(letter.workspace),
        time=rfc3339(now).encode(),
        subject=handling.encode(),
    )
    return Sent(topics.HANDLED.name, str(letter.id).encode(), to_json(said), marks, str(id))


def publish(producer: Any, records: Sequence[Sent]) -> list[Place]:
    """Where each stands, once Kafka has confirmed them all; NotPublished when it does not."""
    places: dict[int, Place] = {}
    faults: list[object] = []

    def delivered(number: int, error: object, message: Any) -> None:
        if error is None:
            places[number] = (message.partition(), message.offset())
        else:
            faults.append(error)

    try:
        for number, record in enumerate(records):
            hand_over(producer, record, partial(delivered, number))
        producer.flush(PUBLISHED_WITHIN_S)
    except KafkaException as error:
        raise NotPublished(str(error)) from error
    if len(places) != len(records):
        why = faults[0] if faults else "no answer"
        raise NotPublished(f"Kafka did not take {len(records) - len(places)} records: {why}")
    return [places[number] for number in range(len(records))]


def now() -> datetime:
    """The moment of a record that is made now."""
    return datetime.now(UTC)


def who_is_here() -> str:
    """The name of the one who is logged in."""
    try:
        return getpass.getuser()[:200] or "unknown"
    except (OSError, KeyError, ImportError):
        return "unknown"
