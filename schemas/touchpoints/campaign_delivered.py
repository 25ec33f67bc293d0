"""A message reached the customer's device or mailbox."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.touchpoints.steps import CampaignStep


class CampaignDelivered(CampaignStep):
    """A message reached the customer's device or mailbox."""

    kind: Literal["campaign_delivered"] = "campaign_delivered"
    subject: ShortText | None = Field(
        default=None, description="Its subject.", examples=["New albums"]
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "campaign_delivered",
        "campaign": "spring",
        "channel": "email",
        "variant": "b",
        "message": "m-3001",
        "subject": "New albums",
    }
