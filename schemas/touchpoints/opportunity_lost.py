"""An opportunity came to nothing."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.touchpoints.common import Reason
from schemas.touchpoints.steps import OpportunityStep


class OpportunityLost(OpportunityStep):
    """An opportunity came to nothing (输单)."""

    kind: Literal["opportunity_lost"] = "opportunity_lost"
    reason: Reason | None = None
    competitor: ShortText | None = Field(
        default=None, description="Who got it.", examples=["Globex"]
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "opportunity_lost",
        "opportunity_id": "O-12",
        "name": "Archive for Acme",
        "owner": "a-17",
        "stage": "lost",
        "amount": {"amount": "12000", "currency": "USD"},
        "probability": 0,
        "expected_close": "2026-06-30",
        "reason": "price",
        "competitor": "Globex",
    }
