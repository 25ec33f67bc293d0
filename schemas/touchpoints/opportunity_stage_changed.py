"""An opportunity moved on the pipeline, or back."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name
from schemas.touchpoints.steps import OpportunityStep


class OpportunityStageChanged(OpportunityStep):
    """An opportunity moved on the pipeline, or back, to its `stage`."""

    kind: Literal["opportunity_stage_changed"] = "opportunity_stage_changed"
    previous_stage: Name | None = Field(
        default=None, description="Its stage before.", examples=["qualification"]
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "opportunity_stage_changed",
        "opportunity_id": "O-12",
        "name": "Archive for Acme",
        "owner": "a-17",
        "stage": "proposal",
        "previous_stage": "qualification",
        "amount": {"amount": "12000", "currency": "USD"},
        "probability": 0.6,
        "expected_close": "2026-06-30",
    }
