"""The customer suggested something."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties
from schemas.touchpoints.common import Category, Product, Requirement, Text


class SuggestionMade(Properties):
    """The customer suggested something (建议)."""

    kind: Literal["suggestion_made"] = "suggestion_made"
    text: Text
    suggestion_id: Name | None = Field(
        default=None, description="The suggestion's number.", examples=["SG-1"]
    )
    product: Product | None = None
    category: Category | None = None
    requirement: Requirement | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "suggestion_made",
        "text": "sell it as a download too",
        "suggestion_id": "SG-1",
        "product": "CD-1997",
        "category": "format",
        "requirement": "REQ-5",
    }
