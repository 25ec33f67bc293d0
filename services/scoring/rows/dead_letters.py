"""dead_letters -> dead_letters, dead_letters.handled -> dead_letters_handled."""

from __future__ import annotations

from typing import Final

import msgspec
import pyarrow as pa

from services.scoring.rows.journey import version_at
from services.scoring.rows.table import COUNT, FLAG, HEADERS, TEXT, TIME, Moment, Rows, Table, Uuid

TABLE: Final = Table.of(
    "dead_letters",
    workspace=TEXT,
    event_id=TEXT,
    version=COUNT,
    service=TEXT,
    reason=TEXT,
    detail=TEXT,
    field=TEXT,
    source=TEXT,
    message_id=TEXT,
    original=TEXT,
    topic=TEXT,
    partition=pa.int32(),
    offset=pa.int64(),
    at=TIME,
    way=TEXT,
    former=TEXT,
    key=TEXT,
    headers=HEADERS,
    cut=FLAG,
    request_id=TEXT,
    endpoint=TEXT,
)
HANDLED: Final = Table.of(
    "dead_letters_handled",
    workspace=TEXT,
    event_id=TEXT,
    version=COUNT,
    letter_id=TEXT,
    letter_at=TIME,
    handling=TEXT,
    at=TIME,
    who=TEXT,
    run=TEXT,
    rule=TEXT,
    why=TEXT,
)


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """schemas.dead_letter.DeadLetter."""

    workspace: str
    event_id: Uuid
    service: str
    reason: str
    detail: str
    original: str
    at: Moment
    field: str | None = None
    source: str | None = None
    message_id: str | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    way: msgspec.Raw = msgspec.Raw(b"null")
    former: Uuid | None = None
    key: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    request_id: str | None = None
    endpoint: str | None = None


class Handled(msgspec.Struct, frozen=True, gc=False):
    """schemas.letter_handled.LetterHandled."""

    workspace: str
    event_id: Uuid
    letter_id: Uuid
    letter_at: Moment
    handling: str
    at: Moment
    who: str
    run: Uuid
    rule: str = ""
    why: str = ""


HANDLING: Final = msgspec.json.Decoder(Handled)
LETTER: Final = msgspec.json.Decoder(DeadLetter)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row for one refused record."""
    one = LETTER.decode(value)
    row = (
        one.workspace,
        one.event_id,
        version_at(one.at),
        one.service,
        one.reason,
        one.detail,
        one.field or "",
        one.source or "",
        one.message_id or "",
        one.original,
        one.topic or "",
        one.partition,
        one.offset,
        one.at,
        bytes(one.way).decode().removeprefix("null"),
        one.former,
        one.key,
        one.headers,
        one.cut,
        one.request_id or "",
        one.endpoint or "",
    )
    return [(TABLE.name, row)]


def handled(value: bytes, published_ms: int) -> Rows:
    """One row for one time that a letter was handled."""
    one = HANDLING.decode(value)
    row = (
        one.workspace,
        one.event_id,
        version_at(one.at),
        one.letter_id,
        one.letter_at,
        one.handling,
        one.at,
        one.who,
        one.run,
        one.rule,
        one.why,
    )
    return [(HANDLED.name, row)]
