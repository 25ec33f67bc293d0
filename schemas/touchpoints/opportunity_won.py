"""An opportunity became a sale."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.touchpoints.common import ContractId, OrderId
from schemas.touchpoints.steps import OpportunityStep


class OpportunityWon(OpportunityStep):
    """An opportunity became a sale (赢单)."""

    kind: Literal["opportunity_won"] = "opportunity_won"
    contract_id: ContractId | None = None
    order_id: OrderId | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "opportunity_won",
        "opportunity_id": "O-12",
        "name": "Archive for Acme",
        "owner": "a-17",
        "stage": "won",
        "amount": {"amount": "11500", "currency": "USD"},
        "probability": 1,
        "expected_close": "2026-06-30",
        "contract_id": "CT-9",
        "order_id": "SO-1042",
    }
