"""A complaint arrived (接收)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.touchpoints.common import Category, Product, Severity, Text
from schemas.touchpoints.steps import ComplaintStep


class ComplaintReceived(ComplaintStep):
    """A complaint arrived (接收). Its clock runs until it is handled."""

    kind: Literal["complaint_received"] = "complaint_received"
    severity: Severity = 2
    category: Category | None = None
    product: Product | None = None
    text: Text | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "complaint_received",
        "complaint_id": "C-77",
        "severity": 3,
        "category": "delivery",
        "product": "CD-1997",
        "team": "logistics",
        "text": "it never came",
    }
