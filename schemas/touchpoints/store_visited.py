"""The customer came to a store or branch."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name
from schemas.touchpoints.common import DurationS
from schemas.touchpoints.steps import Contact


class StoreVisited(Contact):
    """The customer came to a store or branch; its channel is store where none is said."""

    kind: Literal["store_visited"] = "store_visited"
    store: Name = Field(description="Which store.", examples=["berlin-1"])
    duration_s: DurationS | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "store_visited",
        "store": "berlin-1",
        "channel": "store",
        "duration_s": 900,
        "agent": "a-17",
        "outcome": "bought",
        "reason": "collected an order",
        "sentiment": 0.4,
    }
