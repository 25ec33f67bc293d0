"""A paid order, in the currency the customer paid."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from schemas.base import Name, Properties
from schemas.money import Money
from schemas.touchpoints.common import OrderLine


class OrderCompleted(Properties):
    """An order; `total` is what was paid, tax and shipping included, after discounts."""

    kind: Literal["order_completed"] = "order_completed"
    order_id: Name = Field(examples=["SO-1042"])
    total: Money
    lines: tuple[OrderLine, ...] = Field(default=(), max_length=1_000)


SAMPLE: dict[str, Any] = {
    "kind": "order_completed",
    "order_id": "SO-1042",
    "total": {"amount": "29.33", "currency": "USD"},
    "lines": [{"sku": "CD-1997", "category": "rock", "quantity": "2", "price": "14.66"}],
}
