"""An order was called off."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties
from schemas.money import Money
from schemas.touchpoints.common import Lines, OrderId, Reason


class OrderCancelled(Properties):
    """An order was called off. Money that was paid comes back by an order_refunded."""

    kind: Literal["order_cancelled"] = "order_cancelled"
    order_id: OrderId
    total: Money | None = Field(default=None, description="What the order would have come to.")
    reason: Reason | None = None
    lines: Lines = ()

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "order_cancelled",
        "order_id": "SO-1043",
        "total": {"amount": "14.66", "currency": "USD"},
        "reason": "ordered twice",
        "lines": [{"sku": "CD-1997", "category": "rock", "quantity": "1", "price": "14.66"}],
    }
