"""The customer got an answer to a ticket."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, ShortText
from schemas.touchpoints.steps import TicketStep


class TicketAnswered(TicketStep):
    """The customer got an answer to a ticket."""

    kind: Literal["ticket_answered"] = "ticket_answered"
    article: Name | None = Field(
        default=None, description="The knowledge article used.", examples=["KB-7"]
    )
    text: ShortText | None = Field(default=None, description="The answer.", examples=["sent again"])

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "ticket_answered",
        "ticket_id": "T-501",
        "article": "KB-7",
        "text": "it was sent again today",
        "agent": "a-17",
        "team": "logistics",
    }
