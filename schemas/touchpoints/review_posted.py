"""The customer reviewed a product, a store or the company in public."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from schemas.base import Name, Properties, ShortText
from schemas.touchpoints.common import OrderId, Product, Requirement, Sentiment, Text, Url


class ReviewPosted(Properties):
    """The customer reviewed a product, a store or the company in public."""

    kind: Literal["review_posted"] = "review_posted"
    product: Product | None = None
    scale: float = Field(
        default=5, gt=0, le=100, description="The best possible rating.", examples=[5]
    )
    rating: float | None = Field(
        default=None, ge=0, le=100, description="From 0 to `scale`.", examples=[4]
    )
    review_id: Name | None = Field(
        default=None, description="The review's number.", examples=["RV-2"]
    )
    order_id: OrderId | None = None
    title: ShortText | None = Field(default=None, description="Its headline.", examples=["Great"])
    text: Text | None = None
    url: Url | None = None
    sentiment: Sentiment | None = None
    requirement: Requirement | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "review_posted",
        "product": "CD-1997",
        "scale": 5,
        "rating": 4,
        "review_id": "RV-2",
        "order_id": "SO-1042",
        "title": "Great",
        "text": "a cracked case, great music",
        "url": "https://shop.example/cds/1997",
        "sentiment": 0.6,
        "requirement": "REQ-5",
    }

    @field_validator("rating")
    @classmethod
    def rating_is_on_its_scale(cls, rating: float | None, info: ValidationInfo) -> float | None:
        scale = info.data.get("scale")
        if rating is not None and scale is not None and rating > scale:
            raise ValueError(f"rating is above the best one, which `scale` says is {scale:g}")
        return rating
