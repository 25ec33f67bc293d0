"""Any event that has no kind of its own; kept whole."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from schemas.base import Name, Properties


class Custom(Properties):
    """`name` as the sender called it; everything else is kept in `properties`."""

    kind: Literal["custom"] = "custom"
    name: Name
    properties: dict[str, Any] = Field(default_factory=dict)


SAMPLE: dict[str, Any] = {
    "kind": "custom",
    "name": "Wishlist Shared",
    "properties": {"size": 3},
}
