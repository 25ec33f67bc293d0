"""A person as the JSON of schemas.profile.Profile, written by templates since it is the hot path.

A contract test reads it back with pydantic and compares every value.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Final

import msgspec

from schemas.base import EPOCH
from schemas.money import from_minor
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
    TIMES,
    Complaint,
    Order,
    Part,
    Said,
)
from services.profile.domain.people import Person
from services.profile.domain.purchases import DAY_US, bought

_REMOVED: Final = b"null"
_encode = msgspec.json.Encoder().encode


def snapshot(component: Component, person: Person, version: int, currency: str) -> bytes:
    """The person as it is published, as of this version of its component."""
    assert person.id is not None, "a person for whom no event counts is not shown"
    nodes = [component.nodes[place] for place in person.places]
    whole = combined([node.part for node in nodes if node.part is not None])
    return (
        f'{{"workspace":"{component.workspace}","profile_id":"{uuid_text(person.id)}",'
        f'"version":{version},"updated_at":"{moment(version)}","merged_into":null,'
        f'"identifiers":[{_identifiers(nodes)}],"refused_links":{person.refused_links},'
        f'"traits":{_traits(whole.traits)},"accounts":{_accounts(whole.accounts)},'
        f'"first_seen_at":"{moment(whole.seen[FIRST])}",'
        f'"last_seen_at":"{moment(whole.seen[LAST])}",'
        f'"behaviour":{_behaviour(whole)},"purchases":{_purchases(whole, currency)},'
        f'"service":{_service(whole)}}}'
    ).encode()


def redirect(workspace: str, lost: bytes, kept: bytes, version: int) -> bytes:
    """What is published under the id of a profile that joined another one."""
    return (
        f'{{"workspace":"{workspace}","profile_id":"{uuid_text(lost)}","version":{version},'
        f'"updated_at":"{moment(version)}","merged_into":"{uuid_text(kept)}"}}'
    ).encode()


@lru_cache(65_536)
def moment(micros_since_epoch: int) -> str:
    """The UTC moment as RFC 3339 text. One event's time stands in many places of a snapshot."""
    at = EPOCH + timedelta(microseconds=micros_since_epoch)
    return at.isoformat(timespec="microseconds")[:-6] + "Z"


@lru_cache(65_536)
def quoted(text: str) -> str:
    """Text as JSON; the same few names come again and again."""
    return _encode(text).decode()


@lru_cache(65_536)
def _money(units: int, currency: str) -> str:
    return f'"{from_minor(units, currency)}"'


@lru_cache(4_096)
def _day(days_since_epoch: int) -> str:
    return moment(days_since_epoch * DAY_US)[:10]


def _identifiers(nodes: list[Node]) -> str:
    """Strongest kinds first."""
    if len(nodes) > 1:
        nodes = sorted(nodes, key=_kind_and_value)
    return ",".join(
        [
            f'{{"kind":{quoted(kind_name(node.kind))},"value":{_encode(node.value).decode()}}}'
            for node in nodes
        ]
    )


def _kind_and_value(node: Node) -> tuple[bool, int | str, str]:
    return isinstance(node.kind, str), node.kind, node.value


def _traits(traits: dict[str, Said]) -> str:
    if not traits:
        return "{}"
    shown = [
        f'{quoted(name)}:{{"value":{value.decode()},"source":{quoted(source)},'
        f'"at":"{moment(at_us)}"}}'
        for name, (at_us, _, source, value) in traits.items()
        if value != _REMOVED
    ]
    return f"{{{','.join(shown)}}}"


def _accounts(accounts: set[str]) -> str:
    return _encode(sorted(accounts)).decode() if accounts else "[]"


def _behaviour(part: Part) -> str:
    """`last_at` by kind, and by channel as `channel:web`."""
    events, by_kind, by_channel, last_at = 0, [], [], []
    for kind, (times, newest) in part.kinds.items():
        name = _KIND_NAMES[kind] if isinstance(kind, int) else quoted(kind)
        events += times
        by_kind.append(f"{name}:{times}")
        last_at.append(f'{name}:"{moment(newest)}"')
    for channel, (times, newest) in part.channels.items():
        by_channel.append(f"{quoted(channel)}:{times}")
        last_at.append(f'{_channel(channel)}:"{moment(newest)}"')
    categories = [f"{quoted(name)}:{times}" for name, times in part.categories.items()]
    return (
        f'{{"events":{events},"by_kind":{{{",".join(by_kind)}}},'
        f'"by_channel":{{{",".join(by_channel)}}},"last_at":{{{",".join(last_at)}}},'
        f'"categories":{{{",".join(categories)}}}}}'
    )


_KIND_NAMES: Final = [f'"{kind}"' for kind in KINDS]


@lru_cache(4_096)
def _channel(channel: str) -> str:
    return quoted("channel:" + channel)


def _purchases(part: Part, currency: str) -> str:
    refunded = part.refunds.get(currency, 0)
    if not part.orders:
        return _no_purchases(refunded, currency)
    return _some_purchases(part.orders, refunded, currency)


@lru_cache
def _no_purchases(refunded: int, currency: str) -> str:
    return _some_purchases({}, refunded, currency)


def _some_purchases(orders: dict[bytes, Order], refunded: int, currency: str) -> str:
    total = bought(orders.values(), currency)
    first = "null" if total.first_day is None else f'"{_day(total.first_day)}"'
    last = "null" if total.last_day is None else f'"{_day(total.last_day)}"'
    last_at = "null" if total.last_order_us is None else f'"{moment(total.last_order_us)}"'
    others = [f"{quoted(other)}:{_money(units, other)}" for other, units in total.others.items()]
    return (
        f'{{"orders":{total.orders},"revenue":{_money(total.units, currency)},'
        f'"refunded":{_money(refunded, currency)},"currency":{quoted(currency)},'
        f'"purchase_days":{total.days},"first_day":{first},"last_day":{last},'
        f'"repeat_revenue":{_money(total.repeat_units, currency)},"last_order_at":{last_at},'
        f'"other_currencies":{{{",".join(others)}}}}}'
    )


def _service(part: Part) -> str:
    calls = part.kinds.get(CALL_COMPLETED)
    if not (calls or part.sums or part.answers or part.complaints):
        return _NO_SERVICE
    sums, nps = part.sums, part.answers.get("nps")
    received = sum(one.received is not None for one in part.complaints.values())
    waiting = _open_complaints(part.complaints)
    return (
        f'{{"calls":{calls[TIMES] if calls else 0},"call_duration_s":{sums.get(CALL_MS, 0) / 1000},'
        f'"complaints":{received},"complaints_handled":{received - len(waiting)},'
        f'"open_complaints":[{",".join(waiting)}],"csat_answers":{sums.get(CSAT_ANSWERS, 0)},'
        f'"csat_mean":{_mean(sums, CSAT_MILLI, CSAT_ANSWERS)},'
        f'"nps_last":{"null" if nps is None else float(nps.score)},'
        f'"ces_mean":{_mean(sums, CES_MILLI, CES_ANSWERS)}}}'
    )


_NO_SERVICE: Final = (
    '{"calls":0,"call_duration_s":0.0,"complaints":0,"complaints_handled":0,'
    '"open_complaints":[],"csat_answers":0,"csat_mean":null,"nps_last":null,"ces_mean":null}'
)


def _mean(sums: dict[int, int], milli: int, answers: int) -> str:
    count = sums.get(answers, 0)
    return str(sums[milli] / 1000 / count) if count else "null"


def _open_complaints(complaints: dict[str, Complaint]) -> list[str]:
    """Received and not handled, the longest waiting first."""
    waiting = sorted(
        (one.received, complaint_id)
        for complaint_id, one in complaints.items()
        if one.received is not None and one.handled_us is None
    )
    return [
        f'{{"complaint_id":{_encode(complaint_id).decode()},'
        f'"received_at":"{moment(received.at_us)}","severity":{received.severity},'
        f'"category":{_encode(received.category).decode()},'
        f'"event_id":"{uuid_text(received.event)}"}}'
        for received, complaint_id in waiting
    ]
