"""A meeting with the customer took place."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.touchpoints.common import DurationS
from schemas.touchpoints.steps import Contact


class MeetingHeld(Contact):
    """A meeting with the customer took place."""

    kind: Literal["meeting_held"] = "meeting_held"
    duration_s: DurationS | None = None
    place: ShortText | None = Field(
        default=None, description="Where it was.", examples=["their office"]
    )
    subject: ShortText | None = Field(
        default=None, description="What it was about.", examples=["renewal"]
    )
    attendees: int | None = Field(
        default=None, ge=0, le=100_000, description="People who came.", examples=[4]
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "meeting_held",
        "channel": "on site",
        "duration_s": 3600,
        "place": "their office",
        "subject": "renewal",
        "attendees": 4,
        "agent": "a-17",
        "outcome": "offer wanted",
        "reason": "contract ends",
        "sentiment": 0.6,
    }
