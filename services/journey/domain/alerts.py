"""What is wrong with a customer, since or from when, and the moment it clears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.alert import AlertKind
from services.journey.domain.customer import NEVER, Complaint, Conflict, KnownAlert, State
from services.journey.domain.rules import Rules
from services.journey.domain.subjects import ABOUT, About, silence_of, silence_since

SEVERITY_MIN, SEVERITY_MAX = 1, 4
SEVERITY_CONFLICT: Final = 2
#: Refusals that a person should look at. What a person set apart is settled; a hub and a group
#: that is too large are reported as such, not to each of hundreds of people.
CONFLICT_REASONS: Final = ("limit", "public_key")


class Finding(NamedTuple):
    """Something that is wrong from a moment on (µs), as long as the facts stay as they are.

    `subject`: what it is about (subjects.py). At most one of the others is there.
    """

    subject: bytes
    from_us: int
    severity: int
    complaint: Complaint | None = None
    conflict: Conflict | None = None


Findings = Callable[[State, Rules], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One kind of alert: raised while one of its findings holds, once for each subject."""

    kind: AlertKind
    findings: Findings
    suggested_action: str


def _churn_risk(customer: State, _rules: Rules) -> Iterator[Finding]:
    if customer.churn_us < NEVER:
        subject = silence_since(customer.last_order_us)
        yield Finding(subject, customer.churn_us, 3 if customer.high_value else 2)


def _high_value_complained(customer: State, _rules: Rules) -> Iterator[Finding]:
    if customer.high_value:
        for complaint in customer.complaints:
            yield Finding(
                complaint.event_id, complaint.received_us, _severity(complaint), complaint
            )


def _complaint_overdue(customer: State, rules: Rules) -> Iterator[Finding]:
    for complaint in customer.complaints:
        allowed_us = rules.complaint_us_max.get(_severity(complaint))
        if allowed_us is not None:
            deadline_us = complaint.received_us + allowed_us
            yield Finding(complaint.event_id, deadline_us, _severity(complaint), complaint)


def _identity_conflict(customer: State, _rules: Rules) -> Iterator[Finding]:
    for conflict in customer.conflicts:
        yield Finding(conflict.event_id, conflict.at_us, SEVERITY_CONFLICT, conflict=conflict)


def _severity(complaint: Complaint) -> int:
    return min(max(complaint.severity, SEVERITY_MIN), SEVERITY_MAX)


ALERTS: Final[tuple[AlertRule, ...]] = (
    AlertRule("churn_risk", _churn_risk, "Make contact and offer a reason to return"),
    AlertRule("high_value_complained", _high_value_complained, "Call the customer today"),
    AlertRule("complaint_overdue", _complaint_overdue, "Handle the complaint now and tell why"),
    AlertRule(
        "identity_conflict",
        _identity_conflict,
        "Decide whether they are one person: merge them on request, or set them apart",
    ),
)

SUGGESTED_ACTION: Final = {rule.kind: rule.suggested_action for rule in ALERTS}


class Standings(NamedTuple):
    """The findings that hold now, by the alert's name, and the moment of the next one."""

    now: dict[tuple[AlertKind, bytes], Finding]
    next_us: int


def found(customer: State, now_us: int, rules: Rules) -> Standings:
    """Every rule asked once."""
    holding: dict[tuple[AlertKind, bytes], Finding] = {}
    next_us = NEVER
    for rule in ALERTS:
        for finding in rule.findings(customer, rules):
            if finding.from_us <= now_us:
                holding[rule.kind, finding.subject] = finding
            elif finding.from_us < next_us:
                next_us = finding.from_us
    return Standings(holding, next_us)


def still_stands(alert: KnownAlert, customer: State) -> bool:
    """Whether what an alert is about is still there: the silence unbroken, the complaint open,
    the link refused."""
    match ABOUT[alert.kind]:
        case About.SILENCE:
            return customer.orders > 0 and customer.last_order_us == silence_of(alert.subject)
        case About.COMPLAINT:
            return any(one.event_id == alert.subject for one in customer.complaints)
        case About.CONFLICT:
            return any(one.event_id == alert.subject for one in customer.conflicts)
