"""A product was looked at."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties, ShortText
from schemas.money import Money
from schemas.touchpoints.common import Category, Sku, Url


class ProductViewed(Properties):
    """A product was looked at."""

    kind: Literal["product_viewed"] = "product_viewed"
    sku: Sku
    name: ShortText | None = Field(
        default=None, description="The product's name.", examples=["OK Computer"]
    )
    category: Category | None = None
    price: Money | None = Field(default=None, description="Its price when it was seen.")
    url: Url | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "product_viewed",
        "sku": "CD-1997",
        "name": "OK Computer",
        "category": "rock",
        "price": {"amount": "14.96", "currency": "USD"},
        "url": "https://shop.example/cds/1997",
    }
