"""A complaint was dealt with (处理)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from schemas.base import Name, Properties, ShortText
from schemas.money import Money


class ComplaintHandled(Properties):
    """Ends the clock of the complaint with the same `complaint_id`."""

    kind: Literal["complaint_handled"] = "complaint_handled"
    complaint_id: Name = Field(examples=["C-77"])
    remedy: ShortText | None = None
    team: ShortText | None = None
    cost: Money | None = None


SAMPLE: dict[str, Any] = {
    "kind": "complaint_handled",
    "complaint_id": "C-77",
    "remedy": "replacement",
    "cost": {"amount": "9.50", "currency": "USD"},
}
