"""Somebody of the company did what was planned for the customer."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties, ShortText
from schemas.touchpoints.common import Day, LeadId, OpportunityId, Outcome, Owner


class TaskCompleted(Properties):
    """Somebody of the company did what was planned for the customer, such as a follow-up."""

    kind: Literal["task_completed"] = "task_completed"
    title: ShortText | None = Field(
        default=None, description="What it was.", examples=["call back"]
    )
    task_id: Name | None = Field(default=None, description="The task's number.", examples=["TK-8"])
    owner: Owner | None = None
    outcome: Outcome | None = None
    due_on: Day | None = Field(default=None, description="The day it was due.")
    lead_id: LeadId | None = None
    opportunity_id: OpportunityId | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "task_completed",
        "title": "call back",
        "task_id": "TK-8",
        "owner": "a-17",
        "outcome": "meeting agreed",
        "due_on": "2026-03-31",
        "lead_id": "L-204",
        "opportunity_id": "O-12",
    }
