"""The customer wants no more messages."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name
from schemas.touchpoints.common import Reason
from schemas.touchpoints.steps import CampaignStep


class Unsubscribed(CampaignStep):
    """The customer wants no more messages, of a list or of a channel."""

    kind: Literal["unsubscribed"] = "unsubscribed"
    list_id: Name | None = Field(
        default=None, description="The list; none: all of the channel.", examples=["news"]
    )
    reason: Reason | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "unsubscribed",
        "campaign": "spring",
        "channel": "email",
        "variant": "b",
        "message": "m-3001",
        "list_id": "news",
        "reason": "too many",
    }
