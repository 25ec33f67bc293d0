"""A complaint was put away (归档)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import ShortText
from schemas.touchpoints.common import Outcome, Requirement
from schemas.touchpoints.steps import ComplaintStep


class ComplaintArchived(ComplaintStep):
    """A complaint was put away, with what was learned from it (归档)."""

    kind: Literal["complaint_archived"] = "complaint_archived"
    outcome: Outcome | None = None
    lesson: ShortText | None = Field(
        default=None, description="What will be done otherwise.", examples=["another carrier"]
    )
    requirement: Requirement | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "complaint_archived",
        "complaint_id": "C-77",
        "outcome": "resolved",
        "lesson": "another carrier",
        "requirement": "REQ-5",
        "team": "logistics",
    }
