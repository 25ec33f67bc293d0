"""Money of an order was given back, in full or in part."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from schemas.base import Name, Properties, ShortText
from schemas.money import Money


class OrderRefunded(Properties):
    """`total` is the amount given back by this refund, positive."""

    kind: Literal["order_refunded"] = "order_refunded"
    order_id: Name = Field(examples=["SO-1042"])
    total: Money
    reason: ShortText | None = None


SAMPLE: dict[str, Any] = {
    "kind": "order_refunded",
    "order_id": "SO-1042",
    "total": {"amount": "14.66", "currency": "USD"},
    "reason": "scratched",
}
