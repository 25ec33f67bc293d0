"""A message of a campaign was sent to the customer."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.money import Money
from schemas.touchpoints.steps import CampaignStep


class CampaignSent(CampaignStep):
    """A message was sent to the customer."""

    kind: Literal["campaign_sent"] = "campaign_sent"
    subject: ShortText | None = Field(
        default=None, description="Its subject.", examples=["New albums"]
    )
    cost: Money | None = Field(default=None, description="What sending it cost.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "campaign_sent",
        "campaign": "spring",
        "channel": "email",
        "variant": "b",
        "message": "m-3001",
        "subject": "New albums",
        "cost": {"amount": "0.01", "currency": "USD"},
    }
