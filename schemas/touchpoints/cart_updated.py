"""Something was put into a cart, or taken out of it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties, ShortText
from schemas.money import Money
from schemas.touchpoints.common import CartId, Category, Lines, Quantity, Sku


class CartUpdated(Properties):
    """Something was put into a cart, or taken out of it; `lines` is the whole cart afterwards."""

    kind: Literal["cart_updated"] = "cart_updated"
    action: Literal["added", "removed", "changed"] = Field(
        default="changed", description="What was done.", examples=["added"]
    )
    cart_id: CartId | None = None
    sku: Sku | None = None
    name: ShortText | None = Field(
        default=None, description="The product's name.", examples=["OK Computer"]
    )
    category: Category | None = None
    quantity: Quantity | None = None
    price: Money | None = Field(default=None, description="The price of one piece.")
    value: Money | None = Field(default=None, description="The whole cart's value afterwards.")
    lines: Lines = ()

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "cart_updated",
        "action": "added",
        "cart_id": "K-31",
        "sku": "CD-1997",
        "name": "OK Computer",
        "category": "rock",
        "quantity": "2",
        "price": {"amount": "14.66", "currency": "USD"},
        "value": {"amount": "29.32", "currency": "USD"},
        "lines": [{"sku": "CD-1997", "category": "rock", "quantity": "2", "price": "14.66"}],
    }
