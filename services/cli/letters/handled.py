"""What was done with letters, published: a record for each, with who did it, when and how."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from confluent_kafka import KafkaException

from schemas import topics
from schemas.base import derived_id, to_json
from schemas.cloudevents import headers, rfc3339, source_of
from schemas.letter_handled import Handling, LetterHandled
from services.cli.letters.back import Sent
from services.cli.letters.letter import Letter
from services.common import clients
from services.common.kafka_publisher import hand_over
from services.common.settings import Settings

PUBLISHED_WITHIN_S: Final = 30.0


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
    return Run(uuid4(), _who(), rule[:2_000], why[:2_000])


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


def publish(producer: Any, records: Sequence[Sent]) -> None:
    """Until Kafka has confirmed each; NotPublished when it does not."""
    confirmed: list[object] = []
    faults: list[object] = []

    def delivered(error: object, message: object) -> None:
        (confirmed if error is None else faults).append(error or message)

    try:
        for record in records:
            hand_over(producer, record, delivered)
        producer.flush(PUBLISHED_WITHIN_S)
    except KafkaException as error:
        raise NotPublished(str(error)) from error
    if len(confirmed) != len(records):
        why = faults[0] if faults else "no answer"
        raise NotPublished(f"Kafka did not take {len(records) - len(confirmed)} records: {why}")


def now() -> datetime:
    """The moment of a record that is made now."""
    return datetime.now(UTC)


def _who() -> str:
    try:
        return getpass.getuser()[:200] or "unknown"
    except (OSError, KeyError, ImportError):
        return "unknown"
