"""An alert about one customer: what, how bad, why, what to do, and the moment it clears."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name
from schemas.lifecycle import Cause

AlertKind = Literal["churn_risk", "high_value_complained", "complaint_overdue", "identity_conflict"]


class Alert(Message):
    """Topic alerts.raised. One `alert_id` is raised once and cleared once. `decided_at` is the
    time of the scores, or the due moment, that it was decided on: the same when repeated.

    `historic`: its cause, or the news of it, is too old to act on; it is recorded, not sent to
    anybody.
    """

    workspace: Name
    profile_id: UUID
    event_id: UUID
    alert_id: UUID
    kind: AlertKind
    state: Literal["raised", "cleared"]
    severity: int = Field(ge=1, le=4)
    at: Moment
    decided_at: Moment
    cause: Cause
    suggested_action: str
    scores_version: int
    historic: bool = False
