"""A telephone call with the customer ended."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.touchpoints.common import DurationS
from schemas.touchpoints.steps import Contact


class CallCompleted(Contact):
    """A telephone call with the customer ended; its channel is phone where none is said."""

    kind: Literal["call_completed"] = "call_completed"
    direction: Literal["inbound", "outbound"] = Field(
        default="inbound", description="Seen from the company.", examples=["inbound"]
    )
    duration_s: DurationS = 0

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "call_completed",
        "channel": "phone",
        "direction": "inbound",
        "duration_s": 312,
        "agent": "a-17",
        "outcome": "resolved",
        "reason": "delivery",
        "sentiment": 0.4,
    }
