"""A complaint was dealt with (处理)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.money import Money
from schemas.touchpoints.steps import ComplaintStep


class ComplaintHandled(ComplaintStep):
    """A complaint was dealt with (处理). Ends the clock of its complaint_received."""

    kind: Literal["complaint_handled"] = "complaint_handled"
    remedy: ShortText | None = Field(
        default=None, description="What the customer got.", examples=["replacement"]
    )
    cost: Money | None = Field(default=None, description="What it cost the company.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "complaint_handled",
        "complaint_id": "C-77",
        "remedy": "replacement",
        "team": "logistics",
        "cost": {"amount": "9.50", "currency": "USD"},
    }
