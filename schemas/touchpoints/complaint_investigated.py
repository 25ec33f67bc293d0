"""What a complaint says was looked into (调查核实)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.touchpoints.common import Agent
from schemas.touchpoints.steps import ComplaintStep


class ComplaintInvestigated(ComplaintStep):
    """What a complaint says was looked into (调查核实)."""

    kind: Literal["complaint_investigated"] = "complaint_investigated"
    justified: bool | None = Field(
        default=None, description="Whether the customer is right.", examples=[True]
    )
    root_cause: ShortText | None = Field(
        default=None, description="What went wrong.", examples=["carrier"]
    )
    agent: Agent | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "complaint_investigated",
        "complaint_id": "C-77",
        "justified": True,
        "root_cause": "carrier",
        "agent": "a-17",
        "team": "logistics",
    }
