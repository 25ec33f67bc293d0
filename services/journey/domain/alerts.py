"""What is wrong with a customer, since or from when, and the moment it clears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.alert import AlertKind
from services.journey.domain.customer import NEVER, Complaint, State
from services.journey.domain.rules import Rules

SEVERITY_MIN, SEVERITY_MAX = 1, 4


class Finding(NamedTuple):
    """Something that is wrong from a moment on (µs), as long as the facts stay as they are.

    `subject`: what it is about, 8 bytes of the last order's time or 16 of a complaint's event id.
    """

    subject: bytes
    from_us: int
    severity: int
    complaint: Complaint | None = None


def about_silence(last_order_us: int) -> bytes:
    """The subject of an alert about the silence since an order."""
    return last_order_us.to_bytes(8, "big", signed=True)


def silence_of(subject: bytes) -> int:
    """The last order (µs) of such a subject."""
    return int.from_bytes(subject, "big", signed=True)


def about_complaint(subject: bytes) -> bool:
    """Whether the subject is a complaint's event id; else it is a silence."""
    return len(subject) == 16


Findings = Callable[[State, Rules], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One kind of alert: raised while one of its findings holds, once for each subject.

    `about_complaints`: its subjects are complaints, not silences.
    """

    kind: AlertKind
    findings: Findings
    suggested_action: str
    about_complaints: bool = False


def _churn_risk(customer: State, _rules: Rules) -> Iterator[Finding]:
    if customer.churn_us < NEVER:
        subject = about_silence(customer.last_order_us)
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


def _severity(complaint: Complaint) -> int:
    return min(max(complaint.severity, SEVERITY_MIN), SEVERITY_MAX)


ALERTS: Final[tuple[AlertRule, ...]] = (
    AlertRule("churn_risk", _churn_risk, "Make contact and offer a reason to return"),
    AlertRule("high_value_complained", _high_value_complained, "Call the customer today", True),
    AlertRule(
        "complaint_overdue", _complaint_overdue, "Handle the complaint now and tell why", True
    ),
)

#: The kinds whose findings are complaints.
COMPLAINT_KINDS: Final = tuple(rule.kind for rule in ALERTS if rule.about_complaints)

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


def still_stands(subject: bytes, customer: State) -> bool:
    """Whether what an alert is about is still there: the complaint open, the silence unbroken."""
    if about_complaint(subject):
        return any(complaint.event_id == subject for complaint in customer.complaints)
    return customer.orders > 0 and customer.last_order_us == silence_of(subject)
