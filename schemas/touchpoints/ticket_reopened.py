"""A ticket that was resolved or closed is open again."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.touchpoints.common import Reason, Text
from schemas.touchpoints.steps import TicketStep


class TicketReopened(TicketStep):
    """A ticket that was resolved or closed is open again."""

    kind: Literal["ticket_reopened"] = "ticket_reopened"
    reason: Reason | None = None
    text: Text | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "ticket_reopened",
        "ticket_id": "T-501",
        "reason": "still not there",
        "text": "nothing came",
        "agent": "a-17",
        "team": "logistics",
    }
