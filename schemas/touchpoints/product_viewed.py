"""A product was looked at."""

from __future__ import annotations

from typing import Any, Literal

from schemas.base import Name, Properties, ShortText
from schemas.money import Money
from schemas.touchpoints.common import Url


class ProductViewed(Properties):
    """One product, with its price when it was seen."""

    kind: Literal["product_viewed"] = "product_viewed"
    sku: Name
    name: ShortText | None = None
    category: ShortText | None = None
    price: Money | None = None
    url: Url | None = None


SAMPLE: dict[str, Any] = {
    "kind": "product_viewed",
    "sku": "CD-1997",
    "name": "OK Computer",
    "category": "rock",
    "price": {"amount": "14.96", "currency": "USD"},
}
