"""Service: calls, complaints, tickets, and what the customer says of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from services.profile.domain.folds import complaint, ticket
from services.profile.domain.history import COMPLAINTS, TICKETS
from services.profile.domain.ids import uuid_text
from services.profile.domain.part import (
    CALL_COMPLETED,
    CALL_MS,
    CES_ANSWERS,
    CES_MILLI,
    CSAT_ANSWERS,
    CSAT_MILLI,
    FEEDBACK_MILLI,
    FEEDBACK_RATED,
    KIND_CODES,
    NPS_ANSWERS,
    NPS_DETRACTORS,
    NPS_MILLI,
    NPS_PROMOTERS,
    REQUIREMENTS,
    REVIEW_MILLI,
    REVIEWS_RATED,
    SENTIMENT_MILLI,
    SENTIMENTS,
    Part,
)
from services.profile.domain.states import Case, Complaint, Purse, Ticket
from services.profile.sections.spelling import mean, purse

HANDLED_SHOWN_MAX: Final = 20
_REVIEWS, _FEEDBACK = KIND_CODES["review_posted"], KIND_CODES["feedback_given"]
_SUGGESTIONS: Final = KIND_CODES["suggestion_made"]


class OpenComplaint(msgspec.Struct, gc=False, omit_defaults=True):
    complaint_id: str
    received_at: datetime
    severity: int
    category: str | None
    event_id: str
    step: str = "received"
    step_since: datetime | None = None


class HandledComplaint(msgspec.Struct, gc=False):
    complaint_id: str
    step: str
    step_since: datetime


class OpenTicket(msgspec.Struct, gc=False, omit_defaults=True):
    ticket_id: str
    opened_at: datetime
    step: str
    step_since: datetime
    priority: str | None = None
    category: str | None = None
    reopened: int = 0


class Service(msgspec.Struct, gc=False, omit_defaults=True):
    calls: int
    call_duration_s: float
    complaints: int
    complaints_handled: int
    open_complaints: list[OpenComplaint]
    csat_answers: int
    csat_mean: float | None
    nps_last: float | None
    ces_mean: float | None
    complaints_by_step: dict[str, int] = {}
    handled_complaints: list[HandledComplaint] = []
    tickets: int = 0
    open_tickets: list[OpenTicket] = []
    tickets_reopened: int = 0
    first_contact_resolved: int = 0
    first_contact_known: int = 0
    cost_to_serve: dict[str, str] = {}
    csat_last: float | None = None
    nps_answers: int = 0
    nps_mean: float | None = None
    nps_promoters: int = 0
    nps_detractors: int = 0
    ces_answers: int = 0
    ces_last: float | None = None
    reviews: int = 0
    review_mean: float | None = None
    feedback: int = 0
    feedback_mean: float | None = None
    suggestions: int = 0
    requirements: int = 0
    sentiments: int = 0
    sentiment_mean: float | None = None


_NO_SERVICE: Final = Service(0, 0.0, 0, 0, [], 0, None, None, None)


def service(part: Part) -> Service:
    kinds, sums = part.kinds, part.sums
    spoke = CALL_COMPLETED in kinds or _REVIEWS in kinds or _FEEDBACK in kinds
    if not (spoke or sums or part.answers or part.complaints or part.tickets or part.past):
        return _NO_SERVICE if _SUGGESTIONS not in kinds else _voiced(part)
    shown = _voiced(part)
    past = part.past[0].cases if part.past else {}
    costs: Purse = {}
    if part.complaints or COMPLAINTS in past:
        _show_complaints(shown, part.complaints, past.get(COMPLAINTS, {}), costs)
    if part.tickets or TICKETS in past:
        _show_tickets(shown, part.tickets, past.get(TICKETS, {}), costs)
    if costs:
        shown.cost_to_serve = purse(costs)
    return shown


def _voiced(part: Part) -> Service:
    """Calls, surveys and other words."""
    sums, answers = part.sums, part.answers
    shown = Service(
        _times(part, CALL_COMPLETED),
        sums.get(CALL_MS, 0) / 1000,
        0,
        0,
        [],
        sums.get(CSAT_ANSWERS, 0),
        mean(sums.get(CSAT_MILLI, 0), sums.get(CSAT_ANSWERS, 0)),
        float(answers["nps"].score) if "nps" in answers else None,
        mean(sums.get(CES_MILLI, 0), sums.get(CES_ANSWERS, 0)),
    )
    if answers:
        shown.csat_last = float(answers["csat"].score) if "csat" in answers else None
        shown.ces_last = float(answers["ces"].score) if "ces" in answers else None
        shown.ces_answers = sums.get(CES_ANSWERS, 0)
        shown.nps_answers = sums.get(NPS_ANSWERS, 0)
        shown.nps_mean = mean(sums.get(NPS_MILLI, 0), shown.nps_answers)
        shown.nps_promoters = sums.get(NPS_PROMOTERS, 0)
        shown.nps_detractors = sums.get(NPS_DETRACTORS, 0)
    shown.reviews, shown.feedback = _times(part, _REVIEWS), _times(part, _FEEDBACK)
    shown.review_mean = mean(sums.get(REVIEW_MILLI, 0), sums.get(REVIEWS_RATED, 0))
    shown.feedback_mean = mean(sums.get(FEEDBACK_MILLI, 0), sums.get(FEEDBACK_RATED, 0))
    shown.suggestions = _times(part, _SUGGESTIONS)
    shown.requirements = sums.get(REQUIREMENTS, 0)
    shown.sentiments = sums.get(SENTIMENTS, 0)
    shown.sentiment_mean = mean(sums.get(SENTIMENT_MILLI, 0), shown.sentiments)
    return shown


def _times(part: Part, kind: int) -> int:
    count = part.kinds.get(kind)
    return count[0] if count else 0


def _show_complaints(
    shown: Service, live: dict[str, Complaint], past: dict[bytes, Case], costs: Purse
) -> None:
    by_step: dict[str, int] = {}
    handled: list[tuple[datetime, str, int]] = []
    for case in past.values():
        _count(by_step, complaint.STEPS[int(case[0])])
        _add_cost(costs, case[1:])
    for complaint_id, one in live.items():
        _add_cost(costs, one.cost[2:] if one.cost else ())
        if one.received is None:
            continue
        step, since = complaint.step_of(one)
        _count(by_step, complaint.STEPS[step])
        if one.handled is not None and one.archived is None:
            handled.append((since, complaint_id, step))
    shown.complaints = sum(by_step.values())
    shown.complaints_by_step = by_step
    shown.open_complaints = _open_complaints(live)
    shown.complaints_handled = shown.complaints - len(shown.open_complaints)
    handled.sort(reverse=True)
    shown.handled_complaints = [
        HandledComplaint(complaint_id, complaint.STEPS[step], since)
        for since, complaint_id, step in handled[:HANDLED_SHOWN_MAX]
    ]


def _open_complaints(live: dict[str, Complaint]) -> list[OpenComplaint]:
    """Received and not handled, the longest waiting first."""
    waiting = sorted(
        (one.received, complaint_id)
        for complaint_id, one in live.items()
        if one.received is not None and one.handled is None
    )
    return [_open_complaint(live[complaint_id], complaint_id) for _, complaint_id in waiting]


def _open_complaint(one: Complaint, complaint_id: str) -> OpenComplaint:
    received, said = one.received, one.classified
    assert received is not None, "only what was received is open"
    shown = OpenComplaint(
        complaint_id, received.at, received.severity, received.category, uuid_text(received.event)
    )
    if said is not None:
        shown.severity = said.severity if said.severity is not None else shown.severity
        shown.category = said.category if said.category is not None else shown.category
    step, since = complaint.step_of(one)
    if step:
        shown.step, shown.step_since = complaint.STEPS[step], since
    return shown


def _show_tickets(
    shown: Service, live: dict[str, Ticket], past: dict[bytes, Case], costs: Purse
) -> None:
    once = [int(case[2]) for case in past.values() if case[2] != -1]
    once += [t.at_first_contact.value for t in live.values() if t.at_first_contact is not None]
    for case in past.values():
        _add_cost(costs, case[3:])
    for one in live.values():
        _add_cost(costs, one.cost[2:] if one.cost else ())
    shown.tickets = len(live) + len(past)
    shown.tickets_reopened = sum(one.reopened for one in live.values())
    shown.tickets_reopened += sum(int(case[1]) for case in past.values())
    shown.first_contact_known, shown.first_contact_resolved = len(once), sum(once)
    waiting = sorted(
        (one.first, ticket_id)
        for ticket_id, one in live.items()
        if one.step.value not in ticket.FINISHED
    )
    shown.open_tickets = [_open_ticket(live[ticket_id], ticket_id) for _, ticket_id in waiting]


def _open_ticket(one: Ticket, ticket_id: str) -> OpenTicket:
    step = ticket.STEPS[one.step.value]
    shown = OpenTicket(ticket_id, one.first, step, one.step.at, reopened=one.reopened)
    if one.opened is not None:
        shown.priority, shown.category = one.opened.priority, one.opened.category
    return shown


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _add_cost(costs: Purse, money: Case) -> None:
    """`money`: units and currency, or nothing."""
    if money:
        units, currency = money
        costs[str(currency)] = costs.get(str(currency), 0) + int(units)
