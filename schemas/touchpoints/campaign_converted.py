"""A campaign reached its goal with the customer."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.money import Money
from schemas.touchpoints.common import OrderId
from schemas.touchpoints.steps import CampaignStep


class CampaignConverted(CampaignStep):
    """A campaign reached its goal with the customer; `order_id` is the attributed order."""

    kind: Literal["campaign_converted"] = "campaign_converted"
    goal: ShortText | None = Field(
        default=None, description="What was reached.", examples=["ordered"]
    )
    order_id: OrderId | None = None
    value: Money | None = Field(default=None, description="What it was worth.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "campaign_converted",
        "campaign": "spring",
        "channel": "email",
        "variant": "b",
        "message": "m-3001",
        "goal": "ordered",
        "order_id": "SO-1042",
        "value": {"amount": "29.33", "currency": "USD"},
    }
