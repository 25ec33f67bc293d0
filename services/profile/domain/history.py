"""What is long over, in short: old orders by day, finished cases as the numbers they count with.

compact.py puts things in here; every figure that is shown stays as it was. The keys recognise
what comes again: an order of a later day replaces the one in here, one of an earlier day changes
nothing, a cancellation takes it out. Only what would change an order within its day, or a finished
case, comes too late: it is refused and counted (`late`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from services.profile.domain.part import Part
from services.profile.domain.states import Case, Order, Past, PastDay

#: Families of cases, as they are stored.
TICKETS, COMPLAINTS, DEALS, BILLS = range(4)
KEY_BYTES: Final = 8


class PastOrder(NamedTuple):
    """An order as far as it is still known."""

    day: int
    currency: str
    units: int
    cost: int | None


def new_past() -> Past:
    return Past({}, None, {}, 0, 0)


def case_key(case_id: str) -> bytes:
    """The 8 bytes under which a finished case is known."""
    return blake2b(case_id.encode(), digest_size=KEY_BYTES).digest()


def is_past(past: list[Past], family: int, case_id: str) -> bool:
    """Whether the case is over and in here; then a word on it comes too late, and is counted."""
    return is_past_key(past, family, case_key(case_id))


def is_past_key(past: list[Past], family: int, key: bytes) -> bool:
    """The same of a key."""
    if key not in past[0].cases.get(family, ()):
        return False
    past[0] = past[0]._replace(late=past[0].late + 1)
    return True


# -- orders ----------------------------------------------------------------------------------------


def late_order(past: list[Past], key: bytes, order: Order) -> bool:
    """Whether the order is in here already and stays as it is."""
    known = _find(past[0], key)
    if known is None:
        return False
    day = order.at.toordinal()
    if day > known.day:
        past_without(past, key)
        return False
    if day == known.day and known != PastOrder(day, order.currency, order.units, order.cost):
        past[0] = past[0]._replace(late=past[0].late + 1)
    return True


def past_without(past: list[Past], key: bytes) -> None:
    """Take an order out: it is another one now, or was called off."""
    found = _find(past[0], key)
    if found is None:
        return
    days = past[0].orders[found.currency]
    left = [one for one in _of_day(days[found.day]) if one[0] != key]
    del days[found.day]
    for other, units, cost in left:
        _put(days, found.day, other, units, cost)
    if not days:
        del past[0].orders[found.currency]
    past[0] = past[0]._replace(last=_last(past[0]))


def _last(past: Past) -> datetime | None:
    """When the newest order was made; to the day, once the one that we knew it of is gone."""
    newest = max((max(days) for days in past.orders.values()), default=None)
    if newest is None:
        return None
    if past.last is not None and past.last.toordinal() == newest:
        return past.last
    return datetime.fromordinal(newest).replace(tzinfo=UTC)


def _find(past: Past, key: bytes) -> PastOrder | None:
    for currency, days in past.orders.items():
        for day, some in days.items():
            if key in some.keys:  # cheap, and may be wrong: across the ends of two keys
                for other, units, cost in _of_day(some):
                    if other == key:
                        return PastOrder(day, currency, units, cost)
    return None


def _of_day(day: PastDay) -> Iterator[tuple[bytes, int, int | None]]:
    for place, units in enumerate(day.units):
        key = day.keys[place * KEY_BYTES : (place + 1) * KEY_BYTES]
        yield key, units, day.costs[place] if day.costs else None


def _put(days: dict[int, PastDay], day: int, key: bytes, units: int, cost: int | None) -> None:
    known = days.get(day, PastDay(b"", [], []))
    costs = known.costs
    if cost is not None or costs:
        costs = [*(costs or [None] * len(known.units)), cost]
    days[day] = PastDay(known.keys + key, [*known.units, units], costs)


def put_order(past: Past, key: bytes, order: PastOrder) -> None:
    """Remember an order in short."""
    days = past.orders.setdefault(order.currency, {})
    _put(days, order.day, key, order.units, order.cost)


def past_orders(past: Past) -> Iterator[tuple[bytes, PastOrder]]:
    for currency, days in past.orders.items():
        for day, some in days.items():
            for key, units, cost in _of_day(some):
                yield key, PastOrder(day, currency, units, cost)


# -- of several parts ------------------------------------------------------------------------------


def join_past(whole: Part, parts: Sequence[Part]) -> None:
    """The history of all parts, without what another part knows to be otherwise.

    Of an order that is in two parts the one of the newest day counts; of two of the same day that
    differ, the one in here, and of two in here the larger. What else another part says of a case
    that is in here came too late.
    """
    pasts = [part.past[0] for part in parts if part.past]
    orders, twice = _joined_orders(whole, pasts)
    joined = Past({}, None, _joined_cases(pasts), sum(one.late for one in pasts) + twice, 0)
    for key, order in orders.items():
        put_order(joined, key, order)
    newest = max((one.last for one in pasts if one.last is not None), default=None)
    dropped = _drop_past(whole, joined.cases)
    joined = joined._replace(last=_last(joined._replace(last=newest)), late=joined.late + dropped)
    whole.past.append(joined)


def _joined_orders(whole: Part, pasts: Sequence[Past]) -> tuple[dict[bytes, PastOrder], int]:
    """(key -> order, how many differ within their day)."""
    found: dict[bytes, PastOrder] = {}
    differ = 0
    for past in pasts:
        for key, order in past_orders(past):
            known = found.get(key)
            if known is not None and known.day == order.day and known != order:
                differ += 1
            if known is None or _rank(order) > _rank(known):
                found[key] = order
    for key in whole.cancelled & found.keys():
        del found[key]
    for key in whole.orders.keys() & found.keys():
        at, _, units, currency, cost = whole.orders[key]
        live, known = PastOrder(at.toordinal(), currency, units, cost), found[key]
        if live.day > known.day:
            del found[key]
        else:
            del whole.orders[key]
            differ += live.day == known.day and live != known
    return found, differ


def _rank(order: PastOrder) -> tuple[int, str, int, int]:
    return order.day, order.currency, order.units, -1 if order.cost is None else order.cost


def _joined_cases(pasts: Sequence[Past]) -> dict[int, dict[bytes, Case]]:
    joined: dict[int, dict[bytes, Case]] = {}
    for past in pasts:
        for family, cases in past.cases.items():
            into = joined.setdefault(family, {})
            for key, case in cases.items():
                into[key] = max(case, into.get(key, case))
    return joined


def _drop_past(whole: Part, cases: dict[int, dict[bytes, Case]]) -> int:
    """How many cases were told anew of which we know that they are over."""
    dropped = 0
    live: dict[int, dict[str, Any]] = {
        TICKETS: whole.tickets,
        COMPLAINTS: whole.complaints,
        DEALS: whole.deals,
    }
    for family, told in live.items():
        past = cases.get(family, {})
        for case_id in [one for one in told if past and case_key(one) in past]:
            del told[case_id]
            dropped += 1
    for key in cases.get(BILLS, {}).keys() & whole.bills.keys():
        del whole.bills[key]
        dropped += 1
    return dropped
