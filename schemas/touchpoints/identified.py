"""Who somebody is: identifiers come with the envelope, traits here."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties


class Identified(Properties):
    """Who somebody is: identifiers come with the touchpoint, traits here."""

    kind: Literal["identified"] = "identified"
    traits: dict[str, Any] = Field(
        default_factory=dict,
        max_length=500,
        description="Names to values; null removes one, the newest of a name wins.",
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "identified",
        "traits": {"first_name": "Ada", "city": "London", "email": "ada@x.example"},
    }
