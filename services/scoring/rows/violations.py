"""violations -> violations."""

from __future__ import annotations

from typing import Final

import msgspec
import pyarrow as pa

from services.scoring.rows.journey import version_at
from services.scoring.rows.table import COUNT, TEXT, TIME, Moment, Rows, Table, Uuid

TABLE: Final = Table.of(
    "violations",
    workspace=TEXT,
    event_id=TEXT,
    version=COUNT,
    source=TEXT,
    plan=TEXT,
    event=TEXT,
    outcome=TEXT,
    fields=pa.list_(TEXT),
    rules=pa.list_(TEXT),
    details=pa.list_(TEXT),
    touchpoint_id=TEXT,
    message_id=TEXT,
    at=TIME,
)


class Fault(msgspec.Struct, frozen=True, gc=False):
    """schemas.violation.Fault."""

    field: str
    rule: str
    detail: str


class Violation(msgspec.Struct, frozen=True, gc=False):
    """schemas.violation.Violation."""

    workspace: str
    event_id: Uuid
    source: str
    plan: str
    event: str
    outcome: str
    faults: tuple[Fault, ...]
    touchpoint_id: Uuid
    message_id: str
    at: Moment


VIOLATION: Final = msgspec.json.Decoder(Violation)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row for one event."""
    one = VIOLATION.decode(value)
    row = (
        one.workspace,
        one.event_id,
        version_at(one.at),
        one.source,
        one.plan,
        one.event,
        one.outcome,
        [fault.field for fault in one.faults],
        [fault.rule for fault in one.faults],
        [fault.detail for fault in one.faults],
        one.touchpoint_id,
        one.message_id,
        one.at,
    )
    return [(TABLE.name, row)]
