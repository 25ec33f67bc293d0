"""There is a chance to sell something."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.touchpoints.common import Product, Source
from schemas.touchpoints.steps import OpportunityStep


class OpportunityOpened(OpportunityStep):
    """There is a chance to sell something (商机)."""

    kind: Literal["opportunity_opened"] = "opportunity_opened"
    source: Source | None = None
    product: Product | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "opportunity_opened",
        "opportunity_id": "O-12",
        "name": "Archive for Acme",
        "owner": "a-17",
        "stage": "qualification",
        "amount": {"amount": "12000", "currency": "USD"},
        "probability": 0.2,
        "expected_close": "2026-06-30",
        "source": "trade fair",
        "product": "archive",
    }
