"""A member rose or fell to another tier (等级)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.base import Properties
from schemas.touchpoints.common import Programme, Reason, Tier


class TierChanged(Properties):
    """A member rose or fell to another tier (等级)."""

    kind: Literal["tier_changed"] = "tier_changed"
    tier: Tier
    previous_tier: Tier | None = None
    programme: Programme | None = None
    reason: Reason | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "tier_changed",
        "tier": "gold",
        "previous_tier": "silver",
        "programme": "club",
        "reason": "ten orders",
    }
