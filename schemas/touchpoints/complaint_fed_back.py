"""The customer was told how a complaint ended (反馈)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.touchpoints.common import Agent, Text
from schemas.touchpoints.steps import ComplaintStep


class ComplaintFedBack(ComplaintStep):
    """The customer was told how a complaint ended, and may have said what they think (反馈)."""

    kind: Literal["complaint_fed_back"] = "complaint_fed_back"
    satisfied: bool | None = Field(
        default=None, description="Whether the customer is content now.", examples=[True]
    )
    text: Text | None = None
    agent: Agent | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "complaint_fed_back",
        "complaint_id": "C-77",
        "satisfied": True,
        "text": "thank you",
        "agent": "a-17",
        "team": "logistics",
    }
