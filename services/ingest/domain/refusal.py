"""Why a call was not taken: a value, never an exception."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.dead_letter import Reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason for machines, the detail for people, the field as the sender spelled it."""

    reason: Reason
    detail: str
    field: str | None = None
    message_id: str | None = None
