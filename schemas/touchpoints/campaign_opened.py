"""The customer opened a message."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.touchpoints.steps import CampaignStep


class CampaignOpened(CampaignStep):
    """The customer opened a message."""

    kind: Literal["campaign_opened"] = "campaign_opened"
    subject: ShortText | None = Field(
        default=None, description="Its subject.", examples=["New albums"]
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "campaign_opened",
        "campaign": "spring",
        "channel": "email",
        "variant": "b",
        "message": "m-3001",
        "subject": "New albums",
    }
