"""A member spent points (积分)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.touchpoints.steps import PointsStep


class PointsRedeemed(PointsStep):
    """A member spent points (积分)."""

    kind: Literal["points_redeemed"] = "points_redeemed"
    reward: ShortText | None = Field(
        default=None, description="What they got for them.", examples=["mug"]
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "points_redeemed",
        "points": "120",
        "balance": "480",
        "programme": "club",
        "reason": "wanted it",
        "order_id": "SO-1042",
        "reward": "mug",
    }
