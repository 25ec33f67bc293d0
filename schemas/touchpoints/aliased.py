"""Two identifiers are said to be the same person."""

from __future__ import annotations

from typing import Any, Literal

from schemas.base import Properties
from schemas.identifier import Identifier


class Aliased(Properties):
    """`previous` is the identifier to join with the envelope's; equal ones are a no-op."""

    kind: Literal["aliased"] = "aliased"
    previous: Identifier


SAMPLE: dict[str, Any] = {
    "kind": "aliased",
    "previous": {"kind": "anonymous_id", "value": "dev-8f2"},
}
