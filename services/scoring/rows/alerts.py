"""alerts.raised -> alerts."""

from __future__ import annotations

from typing import Final

import msgspec
import pyarrow as pa

from services.scoring.rows.journey import Cause, version_at
from services.scoring.rows.table import COUNT, FLAG, TEXT, TIME, Moment, Rows, Table, Uuid, Version

TABLE: Final = Table.of(
    "alerts",
    workspace=TEXT,
    event_id=TEXT,
    version=COUNT,
    alert_id=TEXT,
    profile_id=TEXT,
    kind=TEXT,
    state=TEXT,
    severity=pa.uint8(),
    at=TIME,
    decided_at=TIME,
    cause=TEXT,
    cause_detail=TEXT,
    cause_event_id=TEXT,
    suggested_action=TEXT,
    scores_version=COUNT,
    historic=FLAG,
)


class Alert(msgspec.Struct, frozen=True, gc=False):
    """schemas.alert.Alert."""

    workspace: str
    profile_id: Uuid
    event_id: Uuid
    alert_id: Uuid
    kind: str
    state: str
    severity: int
    at: Moment
    decided_at: Moment
    cause: Cause
    suggested_action: str
    scores_version: Version
    historic: bool = False


ALERT: Final = msgspec.json.Decoder(Alert)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row when it is raised, one when it is cleared."""
    one = ALERT.decode(value)
    row = (
        one.workspace,
        one.event_id,
        version_at(one.decided_at),
        one.alert_id,
        one.profile_id,
        one.kind,
        one.state,
        one.severity,
        one.at,
        one.decided_at,
        *one.cause.columns(),
        one.suggested_action,
        one.scores_version,
        one.historic,
    )
    return [(TABLE.name, row)]
