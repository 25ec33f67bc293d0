"""A contract was signed."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties
from schemas.money import Money
from schemas.touchpoints.common import ContractId, Day, OpportunityId, Owner


class ContractSigned(Properties):
    """A contract was signed (签约)."""

    kind: Literal["contract_signed"] = "contract_signed"
    contract_id: ContractId
    opportunity_id: OpportunityId | None = None
    value: Money | None = Field(default=None, description="What it is worth over its term.")
    starts_on: Day | None = Field(default=None, description="Its first day.")
    ends_on: Day | None = Field(default=None, description="Its last day.")
    owner: Owner | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "contract_signed",
        "contract_id": "CT-9",
        "opportunity_id": "O-12",
        "value": {"amount": "11500", "currency": "USD"},
        "starts_on": "2026-07-01",
        "ends_on": "2027-06-30",
        "owner": "a-17",
    }
