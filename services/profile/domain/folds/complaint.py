"""Complaints through their six steps: 接收, 分类, 调查核实, 处理, 反馈, 归档.

A complaint is at the furthest step that was reached, and open until it is handled. It counts once
we know that it was received. Severity and category are as it was classified at last, else as it
was received at first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from services.profile.domain.commuting import latest, newer, units_of
from services.profile.domain.event import Event
from services.profile.domain.folds.facts import Facts, Money
from services.profile.domain.history import COMPLAINTS, is_past
from services.profile.domain.part import Part
from services.profile.domain.states import Amount, Classified, Complaint, Received

STEPS: Final = ("received", "classified", "investigated", "handled", "fed_back", "archived")


class Complained(Facts, gc=False):
    complaint_id: str
    severity: int = 2
    category: str | None = None


class Sorted(Facts, gc=False):
    complaint_id: str
    severity: int | None = None
    category: str | None = None


class Step(Facts, gc=False):
    complaint_id: str


class Dealt(Facts, gc=False):
    complaint_id: str
    cost: Money | None = None


def received(part: Part, event: Event, facts: Complained) -> None:
    word = Received(event.at, event.event_id, facts.severity, facts.category)
    _add(part, facts.complaint_id, Complaint(word, None))


def classified(part: Part, event: Event, facts: Sorted) -> None:
    word = Classified(event.at, event.stamp, facts.severity, facts.category)
    _add(part, facts.complaint_id, Complaint(None, None, word))


def investigated(part: Part, event: Event, facts: Step) -> None:
    _add(part, facts.complaint_id, Complaint(None, None, investigated=event.at))


def handled(part: Part, event: Event, facts: Dealt) -> None:
    cost = None
    if facts.cost is not None:
        cost = Amount(event.at, event.stamp, units_of(facts.cost), facts.cost.currency)
    _add(part, facts.complaint_id, Complaint(None, event.at, cost=cost))


def fed_back(part: Part, event: Event, facts: Step) -> None:
    _add(part, facts.complaint_id, Complaint(None, None, fed_back=event.at))


def archived(part: Part, event: Event, facts: Step) -> None:
    _add(part, facts.complaint_id, Complaint(None, None, archived=event.at))


def _add(part: Part, complaint_id: str, news: Complaint) -> None:
    if not (part.past and is_past(part.past, COMPLAINTS, complaint_id)):
        add_complaint(part.complaints, complaint_id, news)


def add_complaint(complaints: dict[str, Complaint], complaint_id: str, news: Complaint) -> None:
    """Received at its earliest, all later steps at their newest, whichever comes first."""
    known = complaints.get(complaint_id)
    if known is not None:
        both = [one for one in (known.received, news.received) if one is not None]
        news = Complaint(
            min(both, default=None),
            latest(known.handled, news.handled),
            newer(known.classified, news.classified),
            latest(known.investigated, news.investigated),
            latest(known.fed_back, news.fed_back),
            latest(known.archived, news.archived),
            newer(known.cost, news.cost),
        )
    complaints[complaint_id] = news


def step_of(one: Complaint) -> tuple[int, datetime]:
    """(place in STEPS, when it came there) of a complaint that was received."""
    assert one.received is not None
    if one.archived is not None:
        return 5, one.archived
    if one.fed_back is not None:
        return 4, one.fed_back
    if one.handled is not None:
        return 3, one.handled
    if one.investigated is not None:
        return 2, one.investigated
    if one.classified is not None:
        return 1, one.classified.at
    return 0, one.received.at


def is_open(one: Complaint) -> bool:
    """Received and not handled: its clock runs."""
    return one.received is not None and one.handled is None


def join(whole: Part, part: Part) -> None:
    for complaint_id, complaint in part.complaints.items():
        add_complaint(whole.complaints, complaint_id, complaint)
