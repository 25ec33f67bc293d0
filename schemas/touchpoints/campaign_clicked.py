"""The customer clicked on something in a message."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name
from schemas.touchpoints.common import Url
from schemas.touchpoints.steps import CampaignStep


class CampaignClicked(CampaignStep):
    """The customer clicked on something in a message."""

    kind: Literal["campaign_clicked"] = "campaign_clicked"
    url: Url | None = None
    link: Name | None = Field(
        default=None, description="Which link of the message.", examples=["hero"]
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "campaign_clicked",
        "campaign": "spring",
        "channel": "email",
        "variant": "b",
        "message": "m-3001",
        "url": "https://shop.example/cds",
        "link": "hero",
    }
