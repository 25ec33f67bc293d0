"""A member got points (积分)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.touchpoints.common import Day
from schemas.touchpoints.steps import PointsStep


class PointsEarned(PointsStep):
    """A member got points (积分)."""

    kind: Literal["points_earned"] = "points_earned"
    expires_on: Day | None = Field(default=None, description="The last day they are good for.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "points_earned",
        "points": "120",
        "balance": "600",
        "programme": "club",
        "reason": "order",
        "order_id": "SO-1042",
        "expires_on": "2027-03-31",
    }
