"""audit -> audit."""

from __future__ import annotations

from typing import Final

import msgspec
import pyarrow as pa

from services.scoring.rows.journey import version_at
from services.scoring.rows.table import COUNT, TEXT, TIME, Moment, Rows, Table, Uuid

TABLE: Final = Table.of(
    "audit",
    workspace=TEXT,
    event_id=TEXT,
    version=COUNT,
    writer=TEXT,
    sequence=COUNT,
    at=TIME,
    who=TEXT,
    what=TEXT,
    subject=TEXT,
    details=pa.map_(TEXT, TEXT),
    hash=TEXT,
)


class AuditRecord(msgspec.Struct, frozen=True, gc=False):
    """schemas.audit.AuditRecord."""

    workspace: str
    event_id: Uuid
    writer: str
    sequence: int
    at: Moment
    who: str
    what: str
    hash: str
    subject: str = ""
    details: dict[str, str | int | bool] = {}


RECORD: Final = msgspec.json.Decoder(AuditRecord)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row for one act."""
    one = RECORD.decode(value)
    row = (
        one.workspace,
        one.event_id,
        version_at(one.at),
        one.writer,
        one.sequence,
        one.at,
        one.who,
        one.what,
        one.subject,
        [(name, _as_text(value)) for name, value in one.details.items()],
        one.hash,
    )
    return [(TABLE.name, row)]


def _as_text(value: str | int | bool) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
