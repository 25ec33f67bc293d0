"""A complaint arrived (接收)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.base import Name, Properties, ShortText


class ComplaintReceived(Properties):
    """`severity` from 1 (slight) to 4 (critical)."""

    kind: Literal["complaint_received"] = "complaint_received"
    complaint_id: Name = Field(examples=["C-77"])
    severity: Annotated[int, Field(ge=1, le=4)] = 2
    category: ShortText | None = None
    product: ShortText | None = None
    team: ShortText | None = None
    text: ShortText | None = None


SAMPLE: dict[str, Any] = {
    "kind": "complaint_received",
    "complaint_id": "C-77",
    "severity": 3,
    "category": "delivery",
    "product": "CD-1997",
    "team": "logistics",
}
