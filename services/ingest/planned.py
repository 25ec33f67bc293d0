"""The stage of the door that holds a call against the tracking plan of its source."""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID

from schemas.base import derived_id, to_json
from schemas.cloudevents import rfc3339_bytes, source_of
from schemas.dead_letter import Reason
from schemas.topics import VIOLATIONS
from schemas.violation import Fault, Violation
from services.common.batch import Output
from services.common.plan import Plan
from services.common.plan_judge import Judge, Ruling
from services.common.plan_schema import is_plain
from services.ingest.domain.draft import Draft
from services.ingest.domain.refusal import Refusal, Violated

Outcome = Literal["allowed", "quarantined", "blocked"]
OUTCOMES: Final[dict[str, Outcome]] = {
    "allow": "allowed",
    "quarantine": "quarantined",
    "block": "blocked",
}
REASONS: Final = {"quarantine": Reason.PLAN_VIOLATION, "block": Reason.PLAN_BLOCKED}


class Planned:
    """Called with drafts whose properties are valid: refuses them, or notes what is published."""

    def __init__(self, plan: Plan) -> None:
        self._judge = Judge(plan)

    def __call__(self, draft: Draft) -> Draft | Refusal:
        ruling = self._judge.ruling(draft.properties)
        if ruling is None:
            return draft
        violated = Violated(self._published(draft, ruling), ruling.event, ruling.mode)
        reason = REASONS.get(ruling.mode)
        if reason is None:
            draft.violated = violated
            return draft
        told = "; ".join(f"`{fault.field}` {fault.detail}" for fault in ruling.faults)
        detail = f"not as plan {self._judge.name!r} says: {told}"
        return Refusal(reason, detail, ruling.faults[0].field, violated=violated)

    def _published(self, draft: Draft, ruling: Ruling) -> Output:
        workspace, source = draft.origin.workspace, draft.origin.source
        name = draft.properties.name if draft.kind == "custom" else draft.kind
        violation = Violation(
            workspace=workspace,
            event_id=derived_id("violation", draft.event_id),
            source=source,
            plan=self._judge.name,
            event=name if is_plain(name) else "***",
            outcome=OUTCOMES[ruling.mode],
            faults=tuple(Fault(**fault._asdict()) for fault in ruling.faults),
            touchpoint_id=UUID(draft.event_id),
            message_id=draft.message_id,
            at=draft.received_at,
        )
        return Output(
            VIOLATIONS.name,
            source.encode(),
            to_json(violation),
            str(violation.event_id).encode(),
            source_of(workspace),
            rfc3339_bytes(violation.at),
            violation.outcome.encode(),
        )
