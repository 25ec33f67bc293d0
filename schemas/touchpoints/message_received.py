"""A message was exchanged with the customer: mail, chat, text message, letter."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, ShortText
from schemas.touchpoints.common import Text
from schemas.touchpoints.steps import Contact


class MessageReceived(Contact):
    """A message was exchanged with the customer: mail, chat, text message, letter."""

    kind: Literal["message_received"] = "message_received"
    direction: Literal["inbound", "outbound"] = Field(
        default="inbound", description="Seen from the company.", examples=["inbound"]
    )
    conversation_id: Name | None = Field(
        default=None, description="The conversation's number.", examples=["W-70"]
    )
    subject: ShortText | None = Field(
        default=None, description="Its subject.", examples=["My order"]
    )
    text: Text | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "message_received",
        "direction": "inbound",
        "channel": "wechat",
        "conversation_id": "W-70",
        "subject": "My order",
        "text": "where is it?",
        "agent": "a-17",
        "outcome": "answered",
        "reason": "delivery",
        "sentiment": -0.2,
    }
