"""The person allowed or forbade something."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties, ShortText
from schemas.touchpoints.common import Day, Source


class ConsentChanged(Properties):
    """The person allowed or forbade what is done with their data, purpose by purpose (授权)."""

    kind: Literal["consent_changed"] = "consent_changed"
    purposes: dict[Name, bool] = Field(
        min_length=1,
        max_length=100,
        description="Purpose to whether it is allowed now; others stay as they are.",
        examples=[{"email": True}],
    )
    source: Source | None = None
    text_version: ShortText | None = Field(
        default=None, description="Of the text that was agreed to.", examples=["2026-01"]
    )
    expires_on: Day | None = Field(default=None, description="The last day it holds.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "consent_changed",
        "purposes": {"email": True, "profiling": False},
        "source": "cookie banner",
        "text_version": "2026-01",
        "expires_on": "2027-03-31",
    }
