"""Who somebody is: identifiers come with the envelope, traits here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from schemas.base import Properties


class Identified(Properties):
    """`traits`: names to values; a null removes the trait; the newest value of a name wins."""

    kind: Literal["identified"] = "identified"
    traits: dict[str, Any] = Field(default_factory=dict, max_length=500)


SAMPLE: dict[str, Any] = {
    "kind": "identified",
    "traits": {"first_name": "Ada", "city": "London", "email": "ada@x.example"},
}
