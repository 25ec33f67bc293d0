"""Makes a part's history short once it is old: every figure that is shown stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from schemas.base import EPOCH
from services.profile.domain.component import Component
from services.profile.domain.folds import complaint, payment, sales, ticket
from services.profile.domain.history import (
    BILLS,
    COMPLAINTS,
    DEALS,
    TICKETS,
    PastOrder,
    case_key,
    new_past,
    past_orders,
    put_order,
)
from services.profile.domain.part import BORN, FIRST, Part
from services.profile.domain.states import Amount, Case, Complaint, Deal, Past, Ticket

#: Where a part keeps a family of cases.
Place = Callable[[Part], dict[Any, Any]]
_TICKETS: Final[Place] = attrgetter("tickets")
_COMPLAINTS: Final[Place] = attrgetter("complaints")
_DEALS: Final[Place] = attrgetter("deals")
_BILLS: Final[Place] = attrgetter("bills")

#: A part that we know for less is left as it is: a history that is brought in may come in any
#: order, and what belongs together should be there first. As long as touchpoints are kept.
SETTLED: Final = timedelta(days=30)
#: Fewer are not worth it.
THINGS_MIN: Final = 8


def compact_parts(
    component: Component, places: Iterable[int], now_us: int, history_days: int
) -> None:
    """Shorten the parts of these nodes, where that is due."""
    now, horizon = _horizon(now_us, history_days)
    for place in places:
        part = component.nodes[place].part
        if part is not None and part.seen[FIRST] < horizon:
            compact(part, component, now, horizon)


@lru_cache(1_024)
def _horizon(now_us: int, history_days: int) -> tuple[datetime, datetime]:
    """(now, before when history is old)."""
    now = EPOCH + timedelta(microseconds=now_us)
    return now, now - timedelta(days=history_days)


def compact(part: Part, component: Component, now: datetime, horizon: datetime) -> None:
    """What ended before the horizon in short; looked for once a day, in place.

    An order or a case that other parts of the component know of as well stays as it is: what
    counts depends on who is one person.
    """
    if now - part.seen[BORN] < SETTLED:
        return
    today = now.toordinal()
    if part.past and part.past[0].looked == today:
        return
    orders, cases = _old_orders(part, horizon), list(_old_cases(part, horizon))
    if orders or cases:
        parts = [node.part for node in component.nodes if node.part is not None]
        others = [one for one in parts if one is not part]
        orders -= _orders_of(others)
        cases = [one for one in cases if not _is_known(one, others)]
    if len(orders) + len(cases) >= THINGS_MIN:
        past = part.past[0] if part.past else new_past()
        part.past[:] = [_compacted(part, past, orders)]
        for family, key, case, place, name in cases:
            past.cases.setdefault(family, {})[key] = case
            del place(part)[name]
    if part.past:
        part.past[0] = part.past[0]._replace(looked=today)


def _old_orders(part: Part, horizon: datetime) -> set[bytes]:
    """Those before the horizon; never the newest day's: the last order is known to the µs."""
    if not part.orders:
        return set()
    newest = max(order.at for order in part.orders.values()).toordinal()
    return {
        key
        for key, order in part.orders.items()
        if order.at < horizon and order.at.toordinal() < newest
    }


def _orders_of(parts: Sequence[Part]) -> set[bytes]:
    """The keys of all their orders."""
    keys = {key for part in parts for key in part.orders}
    return keys.union(key for part in parts if part.past for key, _ in past_orders(part.past[0]))


def _compacted(part: Part, past: Past, orders: set[bytes]) -> Past:
    last = past.last
    for key in sorted(orders, key=part.orders.__getitem__):
        at, _, units, currency, cost = part.orders.pop(key)
        put_order(past, key, PastOrder(at.toordinal(), currency, units, cost))
        last = at if last is None else max(at, last)
    return past._replace(last=last)


#: Family, key, what it counts with, where it is and under which name.
Found = tuple[int, bytes, Case, Place, Any]


def _is_known(found: Found, others: Sequence[Part]) -> bool:
    """Whether another part knows the case."""
    family, key, _, place, name = found
    return any(
        name in place(other) or (other.past and key in other.past[0].cases.get(family, ()))
        for other in others
    )


def _old_cases(part: Part, horizon: datetime) -> Iterator[Found]:
    """Each case that ended before the horizon."""
    for name, one in part.tickets.items():
        if one.step.value in ticket.FINISHED and one.step.at < horizon:
            yield TICKETS, case_key(name), ticket_case(one), _TICKETS, name
    for name, grievance in part.complaints.items():
        if _is_over(grievance, horizon):
            yield COMPLAINTS, case_key(name), complaint_case(grievance), _COMPLAINTS, name
    for name, deal in part.deals.items():
        if deal.outcome.value != sales.OPEN and deal.outcome.at < horizon:
            yield DEALS, case_key(name), deal_case(deal), _DEALS, name
    for key, bill in part.bills.items():
        if bill.payments and bill.payments[-1].at < horizon:
            stands = payment.standing(bill)
            if stands.paid:
                yield BILLS, key, bill_case(stands), _BILLS, key


def _is_over(one: Complaint, horizon: datetime) -> bool:
    """Handled and put away (归档): until then a complaint is shown with its step."""
    if one.received is None or one.handled is None or one.archived is None:
        return False
    return max(one.archived, one.handled, one.received.at) < horizon


def ticket_case(one: Ticket) -> Case:
    """(step, times reopened, at first contact: -1 nobody said, cost)."""
    once = -1 if one.at_first_contact is None else one.at_first_contact.value
    return (one.step.value, one.reopened, once, *_money(one.cost))


def complaint_case(one: Complaint) -> Case:
    """(step, cost)."""
    return (complaint.step_of(one)[0], *_money(one.cost))


def deal_case(one: Deal) -> Case:
    """(outcome, amount)."""
    return (one.outcome.value, *_money(one.amount))


def bill_case(stands: payment.Standing) -> Case:
    """(days late: -1 nobody said)."""
    return (-1 if stands.days is None else stands.days,)


def _money(amount: Amount | None) -> Case:
    return () if amount is None else (amount.units, amount.currency)
