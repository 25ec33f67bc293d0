"""An account as the JSON of schemas.account.Account, and as a record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from schemas.cloudevents import source_of
from schemas.money import from_minor
from schemas.topics import ACCOUNTS
from services.common.batch import Output
from services.profile.accounts.store import Root, node_key
from services.profile.domain import rollup as r
from services.profile.domain.ids import snapshot_id, uuid_text
from services.profile.domain.memberships import Told
from services.profile.domain.rollup import Rollup
from services.profile.snapshot import moment, moment_text

KIND_UNSAID = "company"
_REMOVED = b"null"
_encode = msgspec.json.Encoder().encode


class _Trait(msgspec.Struct, gc=False):
    value: msgspec.Raw
    source: str
    at: datetime


class _Purchases(msgspec.Struct, gc=False):
    orders: int
    revenue: str
    refunded: str
    currency: str
    last_order_at: datetime | None
    other_currencies: dict[str, str]
    orders_with_cost: int
    margin: str | None
    overdue: dict[str, str]


class _Service(msgspec.Struct, gc=False):
    calls: int
    complaints: int
    open_complaints: int
    complaining_since: datetime | None
    worst_severity: int | None
    csat_answers: int
    csat_mean: float | None
    nps_answers: int
    nps_promoters: int
    nps_detractors: int
    nps: float | None
    tickets: int
    open_tickets: int
    ticket_open_since: datetime | None
    cost_to_serve: dict[str, str]


class _Sales(msgspec.Struct, gc=False):
    open_opportunities: int
    opportunities_won: int
    pipeline: dict[str, str]
    weighted_pipeline: dict[str, str]
    won: dict[str, str]


class _Account(msgspec.Struct, gc=False):
    workspace: str
    account_profile_id: str
    version: int
    updated_at: datetime
    gone: bool
    account_id: str
    kind: str
    traits: dict[str, _Trait]
    members: int
    roles: dict[str, int]
    tiers: dict[str, int]
    member_profile_ids: list[str]
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    events: int
    purchases: _Purchases
    service: _Service
    sales: _Sales


class _Gone(msgspec.Struct, gc=False):
    workspace: str
    account_profile_id: str
    version: int
    updated_at: datetime
    gone: bool = True


class AccountPublications:
    """Makes outputs; `currencies`: workspace -> the currency its accounts are shown in."""

    def __init__(self, currencies: Mapping[str, str]) -> None:
        self._currencies = currencies

    def shown(self, account: bytes, version: int, root: Root) -> Output:
        """The newest snapshot of an account, as of a version of its root."""
        text = uuid_text(account)
        key = text.encode()
        return Output(
            ACCOUNTS.name,
            key,
            account_json(text, version, root, self._currencies[root.workspace]),
            snapshot_id(text, version).encode(),
            source_of(root.workspace),
            moment_text(version),
            key,
            watch=node_key(account),
            version=version,
        )


def account_json(profile: str, version: int, root: Root, currency: str) -> bytes:
    """The account as of a version of its root; one whose root has no name is gone."""
    if not root.account_id:
        return _encode(_Gone(root.workspace, profile, version, moment(version)))
    whole = root.node.rollup
    shown = _Account(
        root.workspace,
        profile,
        version,
        moment(version),
        False,
        root.account_id,
        kind_of(whole),
        _traits(whole.traits),
        whole.sums[r.MEMBERS],
        whole.roles,
        whole.tiers,
        _members(root.node.people),
        whole.earliest[r.FIRST_SEEN],
        whole.latest[r.LAST_SEEN],
        whole.sums[r.EVENTS],
        _purchases(whole, currency),
        _service(whole),
        _sales(whole),
    )
    return _encode(shown)


def kind_of(whole: Rollup) -> str:
    """What the account is, by the newest word on it."""
    said = msgspec.json.decode(whole.kind.value) if whole.kind is not None else None
    return said if isinstance(said, str) and said else KIND_UNSAID


def _traits(traits: Mapping[str, Told]) -> dict[str, _Trait]:
    return {
        name: _Trait(msgspec.Raw(told.value), told.source, told.at)
        for name, told in sorted(traits.items())
        if told.value != _REMOVED
    }


def _members(people: Mapping[bytes, Rollup]) -> list[str]:
    """Of a large account there are none in the root."""
    members = [person for person, one in people.items() if one.sums[r.MEMBERS]]
    return [uuid_text(member) for member in sorted(members)]


def _purchases(whole: Rollup, currency: str) -> _Purchases:
    amounts, with_cost = whole.amounts, whole.sums[r.ORDERS_WITH_COST]
    others = _purse(whole, "revenue")
    others.pop(currency, None)
    return _Purchases(
        whole.sums[r.ORDERS],
        _money(amounts.get(f"revenue:{currency}", 0), currency),
        _money(amounts.get(f"refunded:{currency}", 0), currency),
        currency,
        whole.latest[r.LAST_ORDER],
        others,
        with_cost,
        _money(amounts.get(f"margin:{currency}", 0), currency) if with_cost else None,
        _purse(whole, "overdue"),
    )


def _purse(whole: Rollup, what: str) -> dict[str, str]:
    """Amounts by currency, without those that come to nothing."""
    found: dict[str, str] = {}
    for name, units in sorted(whole.amounts.items()):
        said, _, currency = name.rpartition(":")
        if said == what and units:
            found[currency] = _money(units, currency)
    return found


def _money(units: int, currency: str) -> str:
    return str(from_minor(units, currency))


def _service(whole: Rollup) -> _Service:
    sums = whole.sums
    csat, nps = sums[r.CSAT_ANSWERS], sums[r.NPS_ANSWERS]
    return _Service(
        sums[r.CALLS],
        sums[r.COMPLAINTS],
        sums[r.OPEN_COMPLAINTS],
        whole.earliest[r.COMPLAINING_SINCE],
        whole.worst or None,
        csat,
        sums[r.CSAT_MILLI] / 1000 / csat if csat else None,
        nps,
        sums[r.PROMOTERS],
        sums[r.DETRACTORS],
        100 * (sums[r.PROMOTERS] - sums[r.DETRACTORS]) / nps if nps else None,
        sums[r.TICKETS],
        sums[r.OPEN_TICKETS],
        whole.earliest[r.TICKET_OPEN_SINCE],
        _purse(whole, "cost_to_serve"),
    )


def _sales(whole: Rollup) -> _Sales:
    return _Sales(
        whole.sums[r.OPEN_OPPORTUNITIES],
        whole.sums[r.OPPORTUNITIES_WON],
        _purse(whole, "pipeline"),
        _purse(whole, "weighted_pipeline"),
        _purse(whole, "won"),
    )
