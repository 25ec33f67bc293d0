"""A telephone call with the customer ended."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.base import Name, Properties, ShortText


class CallCompleted(Properties):
    """`direction` is seen from the company; `duration_s` in seconds; `sentiment` from -1 to 1."""

    kind: Literal["call_completed"] = "call_completed"
    direction: Literal["inbound", "outbound"] = "inbound"
    duration_s: Annotated[float, Field(ge=0, le=86_400, examples=[312])] = 0
    agent: Name | None = None
    outcome: ShortText | None = None
    reason: ShortText | None = None
    sentiment: Annotated[float, Field(ge=-1, le=1)] | None = None


SAMPLE: dict[str, Any] = {
    "kind": "call_completed",
    "direction": "inbound",
    "duration_s": 312,
    "agent": "a-17",
    "outcome": "resolved",
    "reason": "delivery",
}
