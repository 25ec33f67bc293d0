"""An event that is not as its tracking plan says: which fields, and what became of it."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name


class Fault(Message):
    """`field`: its path in the properties, such as `lines.0.sku`. `rule`: the keyword of JSON
    Schema, or `unplanned`. `detail`: in words, without the value."""

    field: str
    rule: str
    detail: str


class Violation(Message):
    """Topic violations. `touchpoint_id`: the event id that the event has, or would have had.
    `event`: its kind, or the name of a custom event.

    `outcome`: allowed events are on touchpoints.accepted, the others are dead letters.
    """

    workspace: Name
    event_id: UUID
    source: Name
    plan: str
    event: str
    outcome: Literal["allowed", "quarantined", "blocked"]
    faults: tuple[Fault, ...] = Field(min_length=1, max_length=10)
    touchpoint_id: UUID
    message_id: str
    at: Moment
