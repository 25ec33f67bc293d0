"""Service tickets: at which step each is, and what serving the customer costs.

A ticket is at its newest step by (time, event id); it is open unless that is resolved or closed.
"""

from __future__ import annotations

from typing import Final

from services.profile.domain.commuting import newer, units_of
from services.profile.domain.event import Event
from services.profile.domain.folds.facts import Facts, Money
from services.profile.domain.history import TICKETS, is_past
from services.profile.domain.part import Part
from services.profile.domain.states import Amount, Number, Opened, Ticket

#: Codes of steps, as they are stored.
STEPS: Final = ("opened", "assigned", "answered", "resolved", "closed", "reopened")
OPENED, ASSIGNED, ANSWERED, RESOLVED, CLOSED, REOPENED = range(6)
FINISHED: Final = frozenset({RESOLVED, CLOSED})


class Step(Facts, gc=False):
    ticket_id: str


class Opening(Facts, gc=False):
    ticket_id: str
    priority: str = "normal"
    category: str | None = None


class Resolving(Facts, gc=False):
    ticket_id: str
    first_contact_resolved: bool | None = None
    cost: Money | None = None


class Closing(Facts, gc=False):
    ticket_id: str
    cost: Money | None = None


def opened(part: Part, event: Event, facts: Opening) -> None:
    word = Opened(event.at, event.stamp, facts.priority, facts.category)
    _add(part, facts.ticket_id, Ticket(event.at, _step(event, OPENED), word))


def assigned(part: Part, event: Event, facts: Step) -> None:
    _add(part, facts.ticket_id, Ticket(event.at, _step(event, ASSIGNED)))


def answered(part: Part, event: Event, facts: Step) -> None:
    _add(part, facts.ticket_id, Ticket(event.at, _step(event, ANSWERED)))


def reopened(part: Part, event: Event, facts: Step) -> None:
    _add(part, facts.ticket_id, Ticket(event.at, _step(event, REOPENED), None, 1))


def resolved(part: Part, event: Event, facts: Resolving) -> None:
    once = None
    if facts.first_contact_resolved is not None:
        once = Number(event.at, event.stamp, int(facts.first_contact_resolved))
    ended = Ticket(event.at, _step(event, RESOLVED), None, 0, once, _cost(event, facts))
    _add(part, facts.ticket_id, ended)


def closed(part: Part, event: Event, facts: Closing) -> None:
    cost = _cost(event, facts)
    _add(part, facts.ticket_id, Ticket(event.at, _step(event, CLOSED), cost=cost))


def _step(event: Event, step: int) -> Number:
    return Number(event.at, event.stamp, step)


def _cost(event: Event, facts: Resolving | Closing) -> Amount | None:
    """A later word on what it cost replaces an earlier one: both mean the whole ticket."""
    if facts.cost is None:
        return None
    return Amount(event.at, event.stamp, units_of(facts.cost), facts.cost.currency)


def _add(part: Part, ticket_id: str, news: Ticket) -> None:
    if not (part.past and is_past(part.past, TICKETS, ticket_id)):
        add_ticket(part.tickets, ticket_id, news)


def add_ticket(tickets: dict[str, Ticket], ticket_id: str, news: Ticket) -> None:
    known = tickets.get(ticket_id)
    if known is not None:
        news = Ticket(
            min(known.first, news.first),
            max(known.step, news.step),
            newer(known.opened, news.opened),
            known.reopened + news.reopened,
            newer(known.at_first_contact, news.at_first_contact),
            newer(known.cost, news.cost),
        )
    tickets[ticket_id] = news


def join(whole: Part, part: Part) -> None:
    for ticket_id, ticket in part.tickets.items():
        add_ticket(whole.tickets, ticket_id, ticket)
