"""A person as the JSON of schemas.profile.Profile. msgspec writes it, since it is the hot path.

A contract test reads it back with pydantic and compares every value.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec

from schemas.base import EPOCH
from schemas.cloudevents import rfc3339_bytes
from schemas.money import from_minor
from services.profile.conflicts import Conflict, conflicts
from services.profile.domain.combine import combined
from services.profile.domain.component import Component, Node, kind_name
from services.profile.domain.ids import uuid_text
from services.profile.domain.part import (
    CALL_COMPLETED,
    CALL_MS,
    CES_ANSWERS,
    CES_MILLI,
    CSAT_ANSWERS,
    CSAT_MILLI,
    FIRST,
    KINDS,
    LAST,
    Complaint,
    KindCode,
    Order,
    Part,
    Said,
)
from services.profile.domain.people import Person
from services.profile.domain.purchases import bought

_REMOVED: Final = b"null"
_KIND_NAMES: Final[dict[KindCode, str]] = dict(enumerate(KINDS))
_encode = msgspec.json.Encoder().encode


class _Identifier(msgspec.Struct, gc=False):
    kind: str
    value: str


class _Trait(msgspec.Struct, gc=False):
    value: msgspec.Raw
    source: str
    at: datetime


class _Behaviour(msgspec.Struct, gc=False):
    events: int
    by_kind: dict[str, int]
    by_channel: dict[str, int]
    last_at: dict[str, datetime]
    categories: dict[str, int]


class _Purchases(msgspec.Struct, gc=False):
    orders: int
    revenue: str
    refunded: str
    currency: str
    purchase_days: int
    first_day: date | None
    last_day: date | None
    repeat_revenue: str
    last_order_at: datetime | None
    other_currencies: dict[str, str]


class _OpenComplaint(msgspec.Struct, gc=False):
    complaint_id: str
    received_at: datetime
    severity: int
    category: str | None
    event_id: str


class _Service(msgspec.Struct, gc=False):
    calls: int = 0
    call_duration_s: float = 0.0
    complaints: int = 0
    complaints_handled: int = 0
    open_complaints: list[_OpenComplaint] = []
    csat_answers: int = 0
    csat_mean: float | None = None
    nps_last: float | None = None
    ces_mean: float | None = None


class _Profile(msgspec.Struct, gc=False):
    workspace: str
    profile_id: str
    version: int
    updated_at: datetime
    merged_into: None
    identifiers: list[_Identifier]
    more_identifiers: int
    refused_links: int
    conflicts: list[Conflict]
    traits: dict[str, _Trait]
    accounts: list[str]
    first_seen_at: datetime
    last_seen_at: datetime
    behaviour: _Behaviour
    purchases: _Purchases
    service: _Service


class _Redirect(msgspec.Struct, gc=False):
    workspace: str
    profile_id: str
    version: int
    updated_at: datetime
    merged_into: str


def snapshot(component: Component, person: Person, version: int, currency: str) -> bytes:
    """The person as it is published, as of this version of its component."""
    assert person.id is not None, "a person for whom no event counts is not shown"
    nodes = [component.nodes[place] for place in person.places]
    whole = combined([node.part for node in nodes if node.part is not None])
    shown = _Profile(
        component.workspace,
        uuid_text(person.id),
        version,
        moment(version),
        None,
        _identifiers(nodes),
        sum([node.absorbed for node in nodes]),
        person.refused_links,
        conflicts(component, person.refused) if person.refused else [],
        _traits(whole.traits) if whole.traits else {},
        sorted(whole.accounts) if whole.accounts else [],
        whole.seen[FIRST],
        whole.seen[LAST],
        _behaviour(whole),
        _purchases(whole.orders, whole.refunds.get(currency, 0), currency),
        _service(whole),
    )
    return _encode(shown)


def redirect(workspace: str, lost: bytes, kept: bytes, version: int) -> bytes:
    """What is published under the id of a profile that joined another one."""
    lost_id, kept_id = uuid_text(lost), uuid_text(kept)
    return _encode(_Redirect(workspace, lost_id, version, moment(version), kept_id))


@lru_cache(1_024)
def moment(micros_since_epoch: int) -> datetime:
    """The UTC moment of a version; all of a batch have nearly the same few."""
    return EPOCH + timedelta(microseconds=micros_since_epoch)


@lru_cache(1_024)
def moment_text(micros_since_epoch: int) -> bytes:
    """The moment of a version as RFC 3339 text."""
    return rfc3339_bytes(moment(micros_since_epoch))


@lru_cache(65_536)
def _money(units: int, currency: str) -> str:
    return str(from_minor(units, currency))


def _identifiers(nodes: list[Node]) -> list[_Identifier]:
    """Strongest kinds first, those without a code last."""
    named = [(node.kind, node.value) for node in nodes]
    try:
        named.sort()
    except TypeError:  # of kinds with a code and without one
        named.sort(key=_kind_and_value)
    return [_Identifier(kind_name(kind), value) for kind, value in named]


def _kind_and_value(named: tuple[int | str, str]) -> tuple[bool, int | str, str]:
    kind, value = named
    return isinstance(kind, str), kind, value


def _traits(traits: dict[str, Said]) -> dict[str, _Trait]:
    return {
        name: _Trait(msgspec.Raw(value), source, at)
        for name, (at, _, source, value) in traits.items()
        if value != _REMOVED
    }


def _behaviour(part: Part) -> _Behaviour:
    """`last_at` by kind, and by channel as `channel:web`."""
    events, by_kind, by_channel = 0, {}, {}
    last_at: dict[str, datetime] = {}
    for kind, (times, newest) in part.kinds.items():
        name = _KIND_NAMES.get(kind) or str(kind)
        events += times
        by_kind[name] = times
        last_at[name] = newest
    for channel, (times, newest) in part.channels.items():
        by_channel[channel] = times
        last_at["channel:" + channel] = newest
    return _Behaviour(events, by_kind, by_channel, last_at, part.categories)


def _purchases(orders: dict[bytes, Order], refunded: int, currency: str) -> _Purchases:
    if not orders:
        return _no_purchases(refunded, currency)
    total = bought(orders.values(), currency)
    return _Purchases(
        total.orders,
        _money(total.units, currency),
        _money(refunded, currency),
        currency,
        total.days,
        total.first_day,
        total.last_day,
        _money(total.repeat_units, currency),
        total.last_order,
        {other: _money(units, other) for other, units in total.others.items()},
    )


@lru_cache
def _no_purchases(refunded: int, currency: str) -> _Purchases:
    nothing = _money(0, currency)
    return _Purchases(
        0, nothing, _money(refunded, currency), currency, 0, None, None, nothing, None, {}
    )


def _service(part: Part) -> _Service:
    calls, sums, complaints = part.kinds.get(CALL_COMPLETED), part.sums, part.complaints
    if not (calls or sums or part.answers or complaints):
        return _NO_SERVICE
    shown = _Service(calls[0] if calls else 0, sums.get(CALL_MS, 0) / 1000)
    if complaints:
        shown.complaints = sum(one.received is not None for one in complaints.values())
        shown.open_complaints = _open_complaints(complaints)
        shown.complaints_handled = shown.complaints - len(shown.open_complaints)
    if CSAT_ANSWERS in sums:
        shown.csat_answers = sums[CSAT_ANSWERS]
        shown.csat_mean = sums[CSAT_MILLI] / 1000 / shown.csat_answers
    if CES_ANSWERS in sums:
        shown.ces_mean = sums[CES_MILLI] / 1000 / sums[CES_ANSWERS]
    if "nps" in part.answers:
        shown.nps_last = float(part.answers["nps"].score)
    return shown


_NO_SERVICE: Final = _Service()


def _open_complaints(complaints: dict[str, Complaint]) -> list[_OpenComplaint]:
    """Received and not handled, the longest waiting first."""
    waiting = sorted(
        (one.received, complaint_id)
        for complaint_id, one in complaints.items()
        if one.received is not None and one.handled is None
    )
    return [
        _OpenComplaint(
            complaint_id,
            received.at,
            received.severity,
            received.category,
            uuid_text(received.event),
        )
        for received, complaint_id in waiting
    ]
