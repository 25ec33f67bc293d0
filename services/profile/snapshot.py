"""A person as the JSON of schemas.profile.Profile, written by msgspec since it is a hot path."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from schemas.base import EPOCH
from schemas.money import from_minor
from services.profile.domain.combine import combined
from services.profile.domain.component import Component, kind_name
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
    NEWEST,
    TIMES,
    Part,
)
from services.profile.domain.people import Person
from services.profile.domain.purchases import bought

_EPOCH_DAY: Final = EPOCH.date().toordinal()
_REMOVED: Final = b"null"


class IdentifierOut(msgspec.Struct, gc=False):
    kind: str
    value: str


class TraitOut(msgspec.Struct):
    value: msgspec.Raw
    source: str
    at: datetime


class BehaviourOut(msgspec.Struct):
    events: int
    by_kind: dict[str, int]
    by_channel: dict[str, int]
    last_at: dict[str, datetime]
    categories: dict[str, int]


class PurchasesOut(msgspec.Struct):
    orders: int
    revenue: Decimal
    refunded: Decimal
    currency: str
    purchase_days: int
    first_day: date | None
    last_day: date | None
    repeat_revenue: Decimal
    last_order_at: datetime | None
    other_currencies: dict[str, Decimal]


class OpenComplaintOut(msgspec.Struct):
    complaint_id: str
    received_at: datetime
    severity: int
    category: str | None
    event_id: str


class ServiceOut(msgspec.Struct):
    calls: int
    call_duration_s: float
    complaints: int
    complaints_handled: int
    open_complaints: list[OpenComplaintOut]
    csat_answers: int
    csat_mean: float | None
    nps_last: float | None
    ces_mean: float | None


class ProfileOut(msgspec.Struct):
    """schemas.profile.Profile, field by field."""

    workspace: str
    profile_id: str
    version: int
    updated_at: datetime
    merged_into: None
    identifiers: list[IdentifierOut]
    refused_links: int
    traits: dict[str, TraitOut]
    accounts: list[str]
    first_seen_at: datetime
    last_seen_at: datetime
    behaviour: BehaviourOut
    purchases: PurchasesOut
    service: ServiceOut


class RedirectOut(msgspec.Struct):
    """A Profile that carries nothing but where it went."""

    workspace: str
    profile_id: str
    version: int
    updated_at: datetime
    merged_into: str


_encode = msgspec.json.Encoder(decimal_format="string").encode


def moment(micros_since_epoch: int) -> datetime:
    """The UTC moment."""
    return EPOCH + timedelta(microseconds=micros_since_epoch)


def snapshot(component: Component, person: Person, version: int, currency: str) -> bytes:
    """The person as it is published, as of this version of its component."""
    assert person.id is not None, "a person for whom no event counts is not shown"
    nodes = [component.nodes[place] for place in person.places]
    whole = combined([node.part for node in nodes if node.part is not None])
    names = sorted((node.kind, node.value) for node in nodes) if len(nodes) > 1 else None
    if names is None:
        names = [(nodes[0].kind, nodes[0].value)]
    return _encode(
        ProfileOut(
            component.workspace,
            uuid_text(person.id),
            version,
            moment(version),
            None,
            [IdentifierOut(kind_name(kind), value) for kind, value in names],
            person.refused_links,
            _traits(whole),
            sorted(whole.accounts),
            moment(whole.seen[FIRST]),
            moment(whole.seen[LAST]),
            _behaviour(whole),
            _purchases(whole, currency),
            _service(whole),
        )
    )


def redirect(workspace: str, lost: bytes, kept: bytes, version: int) -> bytes:
    """What is published under the id of a profile that joined another one."""
    ids = uuid_text(lost), uuid_text(kept)
    return _encode(RedirectOut(workspace, ids[0], version, moment(version), ids[1]))


def _traits(part: Part) -> dict[str, TraitOut]:
    return {
        name: TraitOut(msgspec.Raw(said.value), said.source, moment(said.at_us))
        for name, said in part.traits.items()
        if said.value != _REMOVED
    }


def _behaviour(part: Part) -> BehaviourOut:
    """`last_at` by kind, and by channel as `channel:web`."""
    kinds = {(KINDS[k] if isinstance(k, int) else k): count for k, count in part.kinds.items()}
    last_at = {kind: moment(count[NEWEST]) for kind, count in kinds.items()}
    for channel, count in part.channels.items():
        last_at[f"channel:{channel}"] = moment(count[NEWEST])
    by_kind = {kind: count[TIMES] for kind, count in kinds.items()}
    by_channel = {channel: count[TIMES] for channel, count in part.channels.items()}
    return BehaviourOut(sum(by_kind.values()), by_kind, by_channel, last_at, part.categories)


def _purchases(part: Part, currency: str) -> PurchasesOut:
    total = bought(part.orders.values(), currency)
    return PurchasesOut(
        total.orders,
        from_minor(total.units, currency),
        from_minor(part.refunds.get(currency, 0), currency),
        currency,
        total.days,
        None if total.first_day is None else date.fromordinal(_EPOCH_DAY + total.first_day),
        None if total.last_day is None else date.fromordinal(_EPOCH_DAY + total.last_day),
        from_minor(total.repeat_units, currency),
        None if total.last_order_us is None else moment(total.last_order_us),
        {other: from_minor(units, other) for other, units in total.others.items()},
    )


def _service(part: Part) -> ServiceOut:
    sums, nps = part.sums, part.answers.get("nps")
    complaints = part.complaints
    received = sum(1 for one in complaints.values() if one.received is not None)
    open_complaints = _open_complaints(part) if complaints else []
    return ServiceOut(
        part.kinds.get(CALL_COMPLETED, (0,))[TIMES],
        sums.get(CALL_MS, 0) / 1000,
        received,
        received - len(open_complaints),
        open_complaints,
        sums.get(CSAT_ANSWERS, 0),
        _mean(sums, CSAT_MILLI, CSAT_ANSWERS),
        None if nps is None else nps.score,
        _mean(sums, CES_MILLI, CES_ANSWERS),
    )


def _mean(sums: dict[int, int], milli: int, answers: int) -> float | None:
    count = sums.get(answers, 0)
    return sums[milli] / 1000 / count if count else None


def _open_complaints(part: Part) -> list[OpenComplaintOut]:
    """Received and not handled, the longest waiting first."""
    waiting = sorted(
        (one.received, complaint_id)
        for complaint_id, one in part.complaints.items()
        if one.received is not None and one.handled_us is None
    )
    return [
        OpenComplaintOut(
            complaint_id,
            moment(received.at_us),
            received.severity,
            received.category,
            uuid_text(received.event),
        )
        for received, complaint_id in waiting
    ]
