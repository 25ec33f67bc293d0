"""The customer spoke of the company, or of somebody, on a social network."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties
from schemas.touchpoints.common import Network, Person, Product, Reach, Sentiment, Text, Url


class SocialMentioned(Properties):
    """The customer spoke of the company, or of somebody, on a social network."""

    kind: Literal["social_mentioned"] = "social_mentioned"
    network: Network | None = None
    url: Url | None = None
    text: Text | None = None
    sentiment: Sentiment | None = None
    reach: Reach | None = None
    product: Product | None = None
    mentioned: Person | None = Field(
        default=None, description="The person who was named, if one was."
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "social_mentioned",
        "network": "weibo",
        "url": "https://social.example/p/9",
        "text": "this shop is great, thanks Bob",
        "sentiment": 0.8,
        "reach": 1200,
        "product": "CD-1997",
        "mentioned": {"kind": "user_id", "value": "bob"},
    }
