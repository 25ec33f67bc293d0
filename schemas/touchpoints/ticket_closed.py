"""A ticket was closed."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.money import Money
from schemas.touchpoints.common import Reason
from schemas.touchpoints.steps import TicketStep


class TicketClosed(TicketStep):
    """A ticket was closed."""

    kind: Literal["ticket_closed"] = "ticket_closed"
    reason: Reason | None = None
    cost: Money | None = Field(default=None, description="What it cost the company in all.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "ticket_closed",
        "ticket_id": "T-501",
        "reason": "customer agreed",
        "cost": {"amount": "6.10", "currency": "USD"},
        "agent": "a-17",
        "team": "logistics",
    }
