"""A complaint was sorted (分类)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.touchpoints.common import Category, Product, Severity
from schemas.touchpoints.steps import ComplaintStep


class ComplaintClassified(ComplaintStep):
    """Of what sort and how severe a complaint is was decided (分类)."""

    kind: Literal["complaint_classified"] = "complaint_classified"
    severity: Severity | None = None
    category: Category | None = None
    product: Product | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "complaint_classified",
        "complaint_id": "C-77",
        "severity": 3,
        "category": "delivery",
        "product": "CD-1997",
        "team": "logistics",
    }
