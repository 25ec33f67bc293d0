"""A dead letter as a record to publish: one way for all services."""

from __future__ import annotations

from base64 import b64encode
from typing import TypedDict
from uuid import UUID

from schemas.base import derived_id, from_micros, to_json
from schemas.cloudevents import rfc3339_bytes, source_of
from schemas.dead_letter import REDRIVEN_HEADER, DeadLetter, Reason
from services.common.batch import Output, Record

ORIGINAL_BYTES_MAX = 700_000
#: Ours are shorter; a letter with all that a stranger may write would not fit into the log.
KEY_BYTES_MAX = 1_000
HEADERS_BYTES_MAX = 8_000


class _OfRecord(TypedDict):
    key: str | None
    headers: tuple[tuple[str, str], ...]


def dead_letter(
    record: Record, *, service: str, workspace: str, reason: Reason, detail: str, now_us: int
) -> Output:
    """The dead letter of a record that was refused; its id is derived from where it stood, or from
    the letter that it was re-driven from."""
    former = _former(record)
    place = ("dead", service, record.topic, record.partition, record.offset)
    letter = DeadLetter(
        workspace=workspace,
        event_id=again_id(service, former) if former else derived_id(*place),
        service=service,
        reason=reason,
        detail=detail[:2_000],
        original=b64encode(record.value[:ORIGINAL_BYTES_MAX]).decode(),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        at=from_micros(now_us),
        former=former,
        cut=len(record.value) > ORIGINAL_BYTES_MAX,
        **of_record(record),
    )
    return as_output(letter, key=record.topic)


def again_id(service: str, former: UUID, part: int = 0) -> UUID:
    """The id of the letter that a re-driven letter (or one of its calls) becomes when it is
    refused again."""
    return derived_id("dead", service, "again", former, part)


def of_record(record: Record | None) -> _OfRecord:
    """The key and the headers of a refused record, as its letter keeps them; not those of its own
    re-driving."""
    if record is None:
        return {"key": None, "headers": ()}
    key = None if record.key is None else b64encode(record.key[:KEY_BYTES_MAX]).decode()
    kept = [(name, value) for name, value in record.headers if name != REDRIVEN_HEADER]
    if sum(len(name) + len(value) for name, value in kept) > HEADERS_BYTES_MAX:
        kept = []
    return {
        "key": key,
        "headers": tuple((name, b64encode(value).decode()) for name, value in kept),
    }


def _former(record: Record) -> UUID | None:
    said = dict(record.headers).get(REDRIVEN_HEADER, b"")
    try:
        return UUID(said.decode())
    except ValueError:
        return None


def as_output(letter: DeadLetter, *, key: str) -> Output:
    """A dead letter as it is published; the key is its source topic."""
    return Output(
        "dead_letters",
        key.encode(),
        to_json(letter),
        event_id=str(letter.event_id).encode(),
        source=source_of(letter.workspace),
        time=rfc3339_bytes(letter.at),
        subject=letter.reason.encode(),
    )
