"""The customer wants to send something back."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties
from schemas.money import Money
from schemas.touchpoints.common import Lines, OrderId, Reason


class ReturnRequested(Properties):
    """The customer wants to send something back (退货)."""

    kind: Literal["return_requested"] = "return_requested"
    order_id: OrderId
    return_id: Name | None = Field(
        default=None, description="The return's number.", examples=["R-6"]
    )
    total: Money | None = Field(default=None, description="What the returned goods were sold for.")
    reason: Reason | None = None
    lines: Lines = ()

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "return_requested",
        "order_id": "SO-1042",
        "return_id": "R-6",
        "total": {"amount": "14.66", "currency": "USD"},
        "reason": "scratched",
        "lines": [{"sku": "CD-1997", "category": "rock", "quantity": "1", "price": "14.66"}],
    }
