"""What the three messages of journey have in common: whom they concern, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.base import micros
from services.scoring.rows.table import Moment, Uuid


class Cause(msgspec.Struct, frozen=True, gc=False):
    type: str
    detail: str
    event_id: Uuid | None = None

    def columns(self) -> tuple[Any, ...]:
        return self.type, self.detail, self.event_id


def version_at(decided_at: Moment) -> int:
    """The version of a decision: when it was decided, µs since 1970."""
    return micros(datetime.fromisoformat(decided_at).astimezone(UTC))
