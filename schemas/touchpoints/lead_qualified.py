"""Whether a lead is worth the effort was decided."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name
from schemas.touchpoints.common import Reason
from schemas.touchpoints.steps import LeadStep


class LeadQualified(LeadStep):
    """Whether a lead is worth the effort was decided."""

    kind: Literal["lead_qualified"] = "lead_qualified"
    qualified: bool = Field(default=True, description="Whether it is.", examples=[True])
    score: float | None = Field(
        default=None, ge=0, le=100, description="From 0 to 100.", examples=[72]
    )
    stage: Name | None = Field(default=None, description="Qualified for what.", examples=["sales"])
    reason: Reason | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "lead_qualified",
        "lead_id": "L-204",
        "source": "trade fair",
        "owner": "a-17",
        "qualified": True,
        "score": 72,
        "stage": "sales",
        "reason": "budget and time agree",
    }
