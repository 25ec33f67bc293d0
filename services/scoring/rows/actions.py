"""actions.requested -> actions."""

from __future__ import annotations

from typing import Final

import msgspec

from services.scoring.rows.journey import Cause, version_at
from services.scoring.rows.table import COUNT, FLAG, TEXT, TIME, Moment, Rows, Table, Uuid

TABLE: Final = Table.of(
    "actions",
    workspace=TEXT,
    event_id=TEXT,
    version=COUNT,
    profile_id=TEXT,
    action=TEXT,
    title=TEXT,
    parameters=TEXT,
    requested_at=TIME,
    cause=TEXT,
    cause_detail=TEXT,
    cause_event_id=TEXT,
    historic=FLAG,
)


class ActionRequested(msgspec.Struct, frozen=True, gc=False):
    """schemas.action.ActionRequested."""

    workspace: str
    profile_id: Uuid
    event_id: Uuid
    action: str
    title: str
    requested_at: Moment
    cause: Cause
    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    historic: bool = False


ACTION: Final = msgspec.json.Decoder(ActionRequested)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row for one requested step."""
    one = ACTION.decode(value)
    row = (
        one.workspace,
        one.event_id,
        version_at(one.requested_at),
        one.profile_id,
        one.action,
        one.title,
        bytes(one.parameters).decode(),
        one.requested_at,
        *one.cause.columns(),
        one.historic,
    )
    return [(TABLE.name, row)]
