"""Somebody showed interest and left an address."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, ShortText
from schemas.money import Money
from schemas.touchpoints.common import Product, Text
from schemas.touchpoints.steps import LeadStep


class LeadCaptured(LeadStep):
    """Somebody showed interest and left an address (线索)."""

    kind: Literal["lead_captured"] = "lead_captured"
    form: ShortText | None = Field(
        default=None, description="The form they filled in.", examples=["contact"]
    )
    campaign: Name | None = Field(default=None, description="The campaign.", examples=["spring"])
    product: Product | None = None
    budget: Money | None = Field(default=None, description="What they mean to spend.")
    text: Text | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "lead_captured",
        "lead_id": "L-204",
        "source": "trade fair",
        "owner": "a-17",
        "form": "contact",
        "campaign": "spring",
        "product": "archive",
        "budget": {"amount": "12000", "currency": "USD"},
        "text": "please call me",
    }
