"""A campaign cost something."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties, ShortText
from schemas.money import Money
from schemas.touchpoints.common import Channel, Day


class CampaignCostBooked(Properties):
    """A campaign cost something. Like every touchpoint it names somebody: whom it was spent on."""

    kind: Literal["campaign_cost_booked"] = "campaign_cost_booked"
    campaign: Name = Field(description="The campaign.", examples=["spring"])
    cost: Money = Field(description="What it cost.")
    channel: Channel | None = None
    variant: ShortText | None = Field(
        default=None, description="Which variant of a test.", examples=["b"]
    )
    booked_on: Day | None = Field(default=None, description="The day it was booked on.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "campaign_cost_booked",
        "campaign": "spring",
        "cost": {"amount": "250.00", "currency": "USD"},
        "channel": "search ads",
        "variant": "b",
        "booked_on": "2026-03-31",
    }
