"""A payment is late."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties
from schemas.money import Money
from schemas.touchpoints.common import Day, InvoiceId, OrderId


class PaymentOverdue(Properties):
    """A payment is late (逾期)."""

    kind: Literal["payment_overdue"] = "payment_overdue"
    amount: Money = Field(description="What is still to be paid.")
    days_overdue: int = Field(ge=0, le=100_000, description="Days since it was due.", examples=[14])
    due_on: Day | None = Field(default=None, description="The day it was due.")
    order_id: OrderId | None = None
    invoice_id: InvoiceId | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "payment_overdue",
        "amount": {"amount": "29.33", "currency": "USD"},
        "days_overdue": 14,
        "due_on": "2026-03-31",
        "order_id": "SO-1042",
        "invoice_id": "INV-88",
    }
