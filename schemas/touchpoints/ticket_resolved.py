"""What a ticket asked for is done."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name
from schemas.money import Money
from schemas.touchpoints.common import Outcome
from schemas.touchpoints.steps import TicketStep


class TicketResolved(TicketStep):
    """What a ticket asked for is done."""

    kind: Literal["ticket_resolved"] = "ticket_resolved"
    first_contact_resolved: bool | None = Field(
        default=None, description="Whether the first contact was enough.", examples=[True]
    )
    article: Name | None = Field(
        default=None, description="The knowledge article used.", examples=["KB-7"]
    )
    outcome: Outcome | None = None
    cost: Money | None = Field(default=None, description="What solving it cost the company.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "ticket_resolved",
        "ticket_id": "T-501",
        "first_contact_resolved": True,
        "article": "KB-7",
        "outcome": "sent again",
        "cost": {"amount": "4.20", "currency": "USD"},
        "agent": "a-17",
        "team": "logistics",
    }
