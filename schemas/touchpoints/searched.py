"""Somebody searched for something."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties, ShortText
from schemas.touchpoints.common import Category


class Searched(Properties):
    """Somebody searched for something, such as products."""

    kind: Literal["searched"] = "searched"
    query: ShortText = Field(description="What was searched for.", examples=["live albums"])
    results: int | None = Field(
        default=None, ge=0, le=10**12, description="How many were found.", examples=[42]
    )
    category: Category | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "searched",
        "query": "live albums",
        "results": 42,
        "category": "rock",
    }
