"""A contract must be renewed, or it ends."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties
from schemas.money import Money
from schemas.touchpoints.common import ContractId, Day, Owner


class ContractRenewalDue(Properties):
    """A contract must be renewed, or it ends (续约)."""

    kind: Literal["contract_renewal_due"] = "contract_renewal_due"
    contract_id: ContractId
    due_on: Day = Field(description="The last day to renew it.")
    value: Money | None = Field(default=None, description="What the next term is worth.")
    owner: Owner | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "contract_renewal_due",
        "contract_id": "CT-9",
        "due_on": "2027-05-31",
        "value": {"amount": "11500", "currency": "USD"},
        "owner": "a-17",
    }
