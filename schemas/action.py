"""A step that another system is asked to carry out."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name
from schemas.lifecycle import Cause


class ActionRequested(Message):
    """Topic actions.requested; `event_id` is the idempotency key of the step.

    `requested_at` is when its cause became true, whenever that was seen: the same when repeated.
    """

    workspace: Name
    profile_id: UUID
    event_id: UUID
    action: Literal["open_task", "send_message", "assign_owner"]
    title: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    requested_at: Moment
    cause: Cause
    historic: bool = False
