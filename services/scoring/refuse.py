"""Messages that no row can be made of: dead letters, published and confirmed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from schemas import topics
from schemas.dead_letter import Reason
from services.common.batch import Output, Record
from services.common.dead_letters import dead_letter
from services.common.masking import without_values
from services.scoring.metrics import COLUMNS_DEAD_LETTERS

log = logging.getLogger(__name__)

SERVICE: Final = "scoring.columns"
NOBODY: Final = "unknown"
NAME_CHARACTERS_MAX: Final = 200
PUBLISHED_WITHIN_S: Final = 10.0


class Belonging(msgspec.Struct, frozen=True):
    workspace: str = ""


def record_of(message: Any) -> Record:
    """A message of confluent_kafka with all that it carries."""
    return Record(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        key=message.key(),
        value=message.value() or b"",
        headers=tuple(message.headers() or ()),
    )


def letter_of(record: Record, detail: str, now_us: int) -> Output | None:
    """The dead letter of a record. None for one that is a dead letter itself: it stays in its
    topic and in the log, since refusing refusals might never end."""
    COLUMNS_DEAD_LETTERS.labels(Reason.BAD_PROPERTIES).inc()
    if record.topic == topics.DEAD_LETTERS.name:
        place = (record.topic, record.partition, record.offset)
        # what ClickHouse says may quote the row
        log.error(
            "no row can be made of the dead letter at %s %d@%d: %s", *place, without_values(detail)
        )
        return None
    return dead_letter(
        record,
        service=SERVICE,
        workspace=_workspace_of(record),
        reason=Reason.BAD_PROPERTIES,
        detail=detail,
        now_us=now_us,
    )


def publish(producer: Any, letters: Sequence[Output]) -> bool:
    """Whether Kafka confirmed each of them. Published twice they are still one by their id."""
    confirmed: list[object] = []

    def delivered(error: object, _message: object) -> None:
        if error is None:
            confirmed.append(_message)
        else:
            log.error("Kafka (RAPPORT_KAFKA) did not take a dead letter: %s", error)

    for letter in letters:
        producer.produce(
            letter.topic,
            key=letter.key,
            value=letter.value,
            headers=list(letter.headers),
            on_delivery=delivered,
        )
    producer.flush(PUBLISHED_WITHIN_S)
    return len(confirmed) == len(letters)


def _workspace_of(record: Record) -> str:
    """From the value if it can be read, else from the CloudEvents source, else nobody's."""
    try:
        named = msgspec.json.decode(record.value, type=Belonging).workspace
    except (msgspec.DecodeError, UnicodeDecodeError):
        source = dict(record.headers).get("ce_source", b"")
        named = source.decode(errors="replace").removeprefix("rapport/")
    return named if 0 < len(named) <= NAME_CHARACTERS_MAX else NOBODY
