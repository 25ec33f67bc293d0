"""What is asked of other systems when an alert is raised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from schemas.action import ActionRequested
from schemas.alert import Alert, AlertKind
from schemas.base import derived_id, from_micros
from schemas.cloudevents import rfc3339
from services.journey.domain.alerts import Finding

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """One step to carry out, and within how many hours of its cause."""

    action: Literal["open_task", "send_message", "assign_owner"]
    title: Callable[[Finding], str]
    hours_max: int


def _complaint_number(finding: Finding) -> str:
    return finding.complaint.complaint_id if finding.complaint else ""


#: One step for each kind of alert; longer sequences belong to journey files.
ACTION_OF_ALERT: Final[dict[AlertKind, Step]] = {
    "churn_risk": Step("open_task", lambda _: "Win the customer back before they are gone", 72),
    "high_value_complained": Step(
        "open_task", lambda f: f"Call the customer about complaint {_complaint_number(f)}", 8
    ),
    "complaint_overdue": Step(
        "open_task", lambda f: f"Handle overdue complaint {_complaint_number(f)}", 4
    ),
    "identity_conflict": Step(
        "open_task", lambda _: "Decide whether two customers are one person", 72
    ),
}


def action_for(alert: Alert, finding: Finding) -> ActionRequested:
    """The step that a raised alert asks for; its id is the idempotency key.

    Its times are those of the cause: whoever asks again, late or after a merge, says the same.
    """
    step = ACTION_OF_ALERT[alert.kind]
    return ActionRequested(
        workspace=alert.workspace,
        profile_id=alert.profile_id,
        event_id=derived_id("action", alert.alert_id, step.action),
        action=step.action,
        title=step.title(finding),
        parameters=_parameters(alert, finding, finding.from_us + step.hours_max * HOUR_US),
        requested_at=from_micros(finding.from_us),
        cause=alert.cause,
    )


def _parameters(alert: Alert, finding: Finding, deadline_us: int) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "alert_id": str(alert.alert_id),
        "severity": alert.severity,
        "deadline": rfc3339(from_micros(deadline_us)),
    }
    if finding.complaint is not None:
        complaint = finding.complaint
        parameters["complaint_id"] = complaint.complaint_id
        parameters["complaint_event_id"] = str(UUID(bytes=complaint.event_id))
    if finding.conflict is not None:
        parameters["refused_event_id"] = str(UUID(bytes=finding.conflict.event_id))
        parameters["refused_because"] = finding.conflict.reason
    return parameters
