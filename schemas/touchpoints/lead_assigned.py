"""A lead was given to somebody."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.touchpoints.common import Owner, Reason
from schemas.touchpoints.steps import LeadStep


class LeadAssigned(LeadStep):
    """A lead was given to somebody, its `owner`."""

    kind: Literal["lead_assigned"] = "lead_assigned"
    previous_owner: Owner | None = None
    reason: Reason | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "lead_assigned",
        "lead_id": "L-204",
        "source": "trade fair",
        "owner": "a-17",
        "previous_owner": "a-3",
        "reason": "region",
    }
