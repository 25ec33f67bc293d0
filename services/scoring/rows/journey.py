"""What the three messages of journey have in common: whom they concern, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.base import micros
from services.scoring.rows.table import Uuid


class Cause(msgspec.Struct, frozen=True):
    type: str
    detail: str
    event_id: Uuid | None = None

    def columns(self) -> tuple[Any, ...]:
        return self.type, self.detail, self.event_id


def version_at(decided_at: datetime) -> int:
    """The version of a decision: when it was decided, µs since 1970."""
    aware = decided_at if decided_at.tzinfo else decided_at.replace(tzinfo=UTC)
    return micros(aware)
