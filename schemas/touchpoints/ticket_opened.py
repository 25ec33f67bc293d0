"""A service ticket was opened."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.touchpoints.common import Category, OrderId, Product, Text
from schemas.touchpoints.steps import TicketStep


class TicketOpened(TicketStep):
    """A service ticket (工单) was opened."""

    kind: Literal["ticket_opened"] = "ticket_opened"
    priority: Literal["low", "normal", "high", "urgent"] = Field(
        default="normal", description="How urgent it is.", examples=["high"]
    )
    category: Category | None = None
    product: Product | None = None
    order_id: OrderId | None = None
    subject: ShortText | None = Field(
        default=None, description="Its subject.", examples=["not delivered"]
    )
    text: Text | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "ticket_opened",
        "ticket_id": "T-501",
        "priority": "high",
        "category": "delivery",
        "product": "CD-1997",
        "order_id": "SO-1042",
        "subject": "not delivered",
        "text": "it should be here since Monday",
        "agent": "a-17",
        "team": "logistics",
    }
