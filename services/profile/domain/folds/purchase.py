"""Orders, what was given back of them, and what was called off.

An order that was cancelled counts for nothing, whenever the cancellation comes and whatever its
time says: clocks of two systems differ. Its refunds count for nothing either, since they give back
revenue that no longer counts.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from schemas.money import minor_units
from services.profile.domain.commuting import add, add_purses, add_sums, keep_largest
from services.profile.domain.event import Event
from services.profile.domain.folds.browsing import count_lines
from services.profile.domain.folds.facts import Facts, Line, Money
from services.profile.domain.history import late_order, past_without
from services.profile.domain.ids import order_key
from services.profile.domain.part import Part
from services.profile.domain.states import Order

_NOTHING: Final = Decimal(0)
#: More is no cost, and no number that the state could hold.
_UNITS_MAX: Final = 10**17


class Ordered(Facts, gc=False):
    order_id: str
    total: Money
    lines: tuple[Line, ...] = ()


class Refunded(Facts, gc=False):
    order_id: str
    total: Money


class OfOrder(Facts, gc=False):
    """A cancellation or a request to send back."""

    order_id: str


def ordered(part: Part, event: Event, facts: Ordered) -> None:
    count_lines(part, facts.lines)
    key = order_key(facts.order_id)
    if key in part.cancelled:
        return
    currency = facts.total.currency
    units = minor_units(facts.total.amount, currency)
    order = Order(event.at, event.stamp, units, currency, _cost(facts.lines, currency))
    if part.past and late_order(part.past, key, order):
        return
    known = part.orders.get(key)
    if known is None or order > known:
        part.orders[key] = order


def _cost(lines: tuple[Line, ...], currency: str) -> int | None:
    """Of all pieces in minor units; None unless every line has a cost."""
    total = _NOTHING
    for line in lines:
        if line.cost is None:
            return None
        total += line.quantity * line.cost
    cost = minor_units(total, currency) if lines else None
    return cost if cost is not None and abs(cost) < _UNITS_MAX else None


def refunded(part: Part, event: Event, facts: Refunded) -> None:
    currency = facts.total.currency
    units = minor_units(facts.total.amount, currency)
    add(part.refunds_of.setdefault(order_key(facts.order_id), {}), currency, units)


def cancelled(part: Part, event: Event, facts: OfOrder) -> None:
    key = order_key(facts.order_id)
    part.cancelled.add(key)
    part.orders.pop(key, None)
    if part.past:
        past_without(part.past, key)


def returned(part: Part, event: Event, facts: OfOrder) -> None:
    part.returned.add(order_key(facts.order_id))


def join(whole: Part, part: Part) -> None:
    keep_largest(whole.orders, part.orders)
    add_sums(whole.refunds, part.refunds)
    add_purses(whole.refunds_of, part.refunds_of)
    whole.cancelled.update(part.cancelled)
    whole.returned.update(part.returned)


def settle(whole: Part) -> None:
    """Once all parts are in: what one of them cancelled counts in none."""
    for key in whole.cancelled & whole.orders.keys():
        del whole.orders[key]


def refunds(part: Part) -> dict[str, int]:
    """What was given back of orders that were not cancelled, by currency."""
    total = dict(part.refunds)
    for key, purse in part.refunds_of.items():
        if key not in part.cancelled:
            add_sums(total, purse)
    return total
