"""Somebody went to the checkout with a cart."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties
from schemas.money import Money
from schemas.touchpoints.common import CartId, Coupon, Lines, OrderId


class CheckoutStarted(Properties):
    """Somebody went to the checkout with a cart."""

    kind: Literal["checkout_started"] = "checkout_started"
    order_id: OrderId | None = None
    cart_id: CartId | None = None
    value: Money | None = Field(default=None, description="What would be paid.")
    coupon: Coupon | None = None
    lines: Lines = ()

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "checkout_started",
        "order_id": "SO-1042",
        "cart_id": "K-31",
        "value": {"amount": "29.33", "currency": "USD"},
        "coupon": "MAY10",
        "lines": [{"sku": "CD-1997", "category": "rock", "quantity": "2", "price": "14.66"}],
    }
