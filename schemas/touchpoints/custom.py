"""Any event that has no kind of its own; kept whole."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties


class Custom(Properties):
    """Any event that has no kind of its own; kept whole."""

    kind: Literal["custom"] = "custom"
    name: Name = Field(description="As the sender called it.", examples=["Wishlist Shared"])
    properties: dict[str, Any] = Field(
        default_factory=dict, description="All that was sent with it."
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "custom",
        "name": "Wishlist Shared",
        "properties": {"size": 3},
    }
