"""A ticket was given to somebody."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.touchpoints.common import Reason
from schemas.touchpoints.steps import TicketStep


class TicketAssigned(TicketStep):
    """A ticket was given to an agent or a team."""

    kind: Literal["ticket_assigned"] = "ticket_assigned"
    reason: Reason | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "ticket_assigned",
        "ticket_id": "T-501",
        "agent": "a-17",
        "team": "logistics",
        "reason": "knows the carrier",
    }
