"""lifecycle.changed -> lifecycle."""

from __future__ import annotations

from typing import Final

import msgspec

from services.scoring.rows.journey import Cause, version_at
from services.scoring.rows.table import COUNT, FLAG, TEXT, TIME, Moment, Rows, Table, Uuid, Version

TABLE: Final = Table.of(
    "lifecycle",
    workspace=TEXT,
    event_id=TEXT,
    version=COUNT,
    profile_id=TEXT,
    from_stage=TEXT,
    to_stage=TEXT,
    won_back=FLAG,
    at=TIME,
    decided_at=TIME,
    cause=TEXT,
    cause_detail=TEXT,
    cause_event_id=TEXT,
    scores_version=COUNT,
    historic=FLAG,
)


class LifecycleChanged(msgspec.Struct, frozen=True, gc=False):
    """schemas.lifecycle.LifecycleChanged."""

    workspace: str
    profile_id: Uuid
    event_id: Uuid
    to_stage: str
    at: Moment
    decided_at: Moment
    cause: Cause
    scores_version: Version
    from_stage: str | None = None
    won_back: bool = False
    historic: bool = False


CHANGED: Final = msgspec.json.Decoder(LifecycleChanged)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row for one transition."""
    one = CHANGED.decode(value)
    row = (
        one.workspace,
        one.event_id,
        version_at(one.decided_at),
        one.profile_id,
        one.from_stage or "",
        one.to_stage,
        one.won_back,
        one.at,
        one.decided_at,
        *one.cause.columns(),
        one.scores_version,
        one.historic,
    )
    return [(TABLE.name, row)]
