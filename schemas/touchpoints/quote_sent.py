"""A quote was sent to the customer."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties
from schemas.money import Money
from schemas.touchpoints.common import Day, Lines, OpportunityId, Owner


class QuoteSent(Properties):
    """A quote was sent to the customer (报价)."""

    kind: Literal["quote_sent"] = "quote_sent"
    quote_id: Name = Field(description="The quote's number.", examples=["Q-40"])
    opportunity_id: OpportunityId | None = None
    total: Money | None = Field(default=None, description="What it comes to.")
    valid_until: Day | None = Field(default=None, description="The last day it holds.")
    owner: Owner | None = None
    lines: Lines = ()

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "quote_sent",
        "quote_id": "Q-40",
        "opportunity_id": "O-12",
        "total": {"amount": "11500", "currency": "USD"},
        "valid_until": "2026-05-31",
        "owner": "a-17",
        "lines": [{"sku": "ARCHIVE", "category": "service", "quantity": "1", "price": "11500"}],
    }
