"""Payment discipline: what is paid when, and what is overdue, for each invoice or order."""

from __future__ import annotations

from datetime import date
from hashlib import blake2b
from typing import NamedTuple

from services.profile.domain.commuting import add, newer, units_of
from services.profile.domain.event import Event
from services.profile.domain.folds.facts import Facts, Money
from services.profile.domain.history import BILLS, is_past_key
from services.profile.domain.part import PAID, Part
from services.profile.domain.states import Bill, Overdue, Payment


class Paid(Facts, gc=False):
    amount: Money
    order_id: str | None = None
    invoice_id: str | None = None
    due_on: date | None = None
    days_overdue: int | None = None


class Late(Facts, gc=False):
    amount: Money
    days_overdue: int
    order_id: str | None = None
    invoice_id: str | None = None


class Standing(NamedTuple):
    """How a bill stands: `days` late (None: nobody said), and what is overdue now."""

    days: int | None
    units: int
    currency: str
    paid: bool


def paid(part: Part, event: Event, facts: Paid) -> None:
    units, currency = units_of(facts.amount), facts.amount.currency
    add(part.money.setdefault(PAID, {}), currency, units)
    payment = Payment(event.at, event.stamp, units, currency, _days_late(event, facts))
    _add(part, _bill_key(event, facts), Bill((payment,)))


def _days_late(event: Event, facts: Paid) -> int | None:
    if facts.days_overdue is not None:
        return facts.days_overdue
    if facts.due_on is None:
        return None
    return max(0, event.at.toordinal() - facts.due_on.toordinal())


def overdue(part: Part, event: Event, facts: Late) -> None:
    units, currency = units_of(facts.amount), facts.amount.currency
    late = Overdue(event.at, event.stamp, units, currency, facts.days_overdue)
    _add(part, _bill_key(event, facts), Bill((), late))


def _bill_key(event: Event, facts: Paid | Late) -> bytes:
    """A bill is its invoice, else its order, else this payment alone."""
    if facts.invoice_id is not None:
        said = "invoice\0" + facts.invoice_id
    elif facts.order_id is not None:
        said = "order\0" + facts.order_id
    else:
        return event.stamp
    return blake2b(said.encode(), digest_size=8).digest()


def _add(part: Part, key: bytes, news: Bill) -> None:
    if not (part.past and is_past_key(part.past, BILLS, key)):
        add_bill(part.bills, key, news)


def add_bill(bills: dict[bytes, Bill], key: bytes, news: Bill) -> None:
    known = bills.get(key)
    if known is not None:
        payments = tuple(sorted(known.payments + news.payments))
        news = Bill(payments, newer(known.overdue, news.overdue))
    bills[key] = news


def join(whole: Part, part: Part) -> None:
    for key, bill in part.bills.items():
        add_bill(whole.bills, key, bill)


def standing(bill: Bill) -> Standing:
    """What is overdue is what the newest word said, less what was paid since in its currency."""
    late = bill.overdue
    days = [one.days_late for one in bill.payments if one.days_late is not None]
    if late is None:
        return Standing(max(days, default=None), 0, "", bool(bill.payments))
    since = sum(
        one.units for one in bill.payments if one.currency == late.currency and one[:2] > late[:2]
    )
    left = max(0, late.units - since)
    return Standing(max([late.days, *days]), left, late.currency, left == 0)
