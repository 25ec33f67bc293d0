"""The customer paid."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties, ShortText
from schemas.money import Money
from schemas.touchpoints.common import Day, InvoiceId, OrderId


class PaymentMade(Properties):
    """The customer paid, in full or in part."""

    kind: Literal["payment_made"] = "payment_made"
    amount: Money = Field(description="What was paid.")
    payment_id: Name | None = Field(
        default=None, description="The payment's number.", examples=["P-310"]
    )
    order_id: OrderId | None = None
    invoice_id: InvoiceId | None = None
    method: ShortText | None = Field(
        default=None, description="How it was paid.", examples=["card"]
    )
    due_on: Day | None = Field(default=None, description="The day it was due.")
    days_overdue: int | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="Days it came too late; 0: in time.",
        examples=[0],
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "payment_made",
        "amount": {"amount": "29.33", "currency": "USD"},
        "payment_id": "P-310",
        "order_id": "SO-1042",
        "invoice_id": "INV-88",
        "method": "card",
        "due_on": "2026-03-31",
        "days_overdue": 0,
    }
