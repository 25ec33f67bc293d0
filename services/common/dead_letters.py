"""A dead letter as a record to publish: one way for all services."""

from __future__ import annotations

from base64 import b64encode

from schemas.base import derived_id, from_micros, to_json
from schemas.cloudevents import rfc3339, source_of
from schemas.dead_letter import DeadLetter, Reason
from services.common.batch import Output, Record

ORIGINAL_BYTES_MAX = 700_000


def dead_letter(
    record: Record, *, service: str, workspace: str, reason: Reason, detail: str, now_us: int
) -> Output:
    """The dead letter of a record that was refused; its id is derived from where it stood."""
    letter = DeadLetter(
        workspace=workspace,
        event_id=derived_id("dead", service, record.topic, record.partition, record.offset),
        service=service,
        reason=reason,
        detail=detail[:2_000],
        original=b64encode(record.value[:ORIGINAL_BYTES_MAX]).decode(),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        at=from_micros(now_us),
    )
    return as_output(letter, key=record.topic)


def as_output(letter: DeadLetter, *, key: str) -> Output:
    """A dead letter as it is published; the key is its source topic."""
    return Output(
        "dead_letters",
        key.encode(),
        to_json(letter),
        event_id=str(letter.event_id).encode(),
        source=source_of(letter.workspace),
        time=rfc3339(letter.at).encode(),
        subject=letter.reason.encode(),
    )
