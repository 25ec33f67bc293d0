"""Two identifiers are said to be the same person."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties
from schemas.identifier import Identifier


class Aliased(Properties):
    """Two identifiers are said to be the same person: the touchpoint's and `previous`."""

    kind: Literal["aliased"] = "aliased"
    previous: Identifier = Field(description="The other one; equal ones change nothing.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "aliased",
        "previous": {"kind": "anonymous_id", "value": "dev-8f2"},
    }
