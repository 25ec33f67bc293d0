"""dead_letters -> dead_letters."""

from __future__ import annotations

from typing import Final

import msgspec
import pyarrow as pa

from services.scoring.rows.journey import version_at
from services.scoring.rows.table import COUNT, TEXT, TIME, Moment, Rows, Table, Uuid

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
    )
    return [(TABLE.name, row)]
