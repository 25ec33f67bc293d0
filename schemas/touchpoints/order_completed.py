"""A paid order, in the currency the customer paid."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties
from schemas.money import Money
from schemas.touchpoints.common import Lines, OrderId


class OrderCompleted(Properties):
    """A paid order. Sent again under the same `order_id`, the newest one counts."""

    kind: Literal["order_completed"] = "order_completed"
    order_id: OrderId
    total: Money = Field(description="What was paid: with tax and shipping, after discounts.")
    lines: Lines = ()

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "order_completed",
        "order_id": "SO-1042",
        "total": {"amount": "29.33", "currency": "USD"},
        "lines": [{"sku": "CD-1997", "category": "rock", "quantity": "2", "price": "14.66"}],
    }
