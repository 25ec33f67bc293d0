"""Money of an order was given back, in full or in part."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties
from schemas.money import Money
from schemas.touchpoints.common import OrderId, Reason


class OrderRefunded(Properties):
    """Money of an order was given back, in full or in part."""

    kind: Literal["order_refunded"] = "order_refunded"
    order_id: OrderId
    total: Money = Field(description="What this refund gave back, positive.")
    reason: Reason | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "order_refunded",
        "order_id": "SO-1042",
        "total": {"amount": "14.66", "currency": "USD"},
        "reason": "scratched",
    }
