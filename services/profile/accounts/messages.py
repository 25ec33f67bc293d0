"""profiles.changed as accounts read it, and what a person contributes to which of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from schemas.money import minor_units
from services.profile.domain.households import same_for_all
from services.profile.domain.memberships import Told
from services.profile.domain.rollup import EMPTY, Rollup

Purse = dict[str, Decimal]

PROMOTER_FROM: Final = 9
DETRACTOR_TO: Final = 6


class Said(msgspec.Struct, gc=False):
    """schemas.profile.AccountTrait."""

    value: msgspec.Raw
    source: str
    at: datetime
    stamp: str = ""

    @property
    def told(self) -> Told:
        """As roll-ups keep it."""
        return Told(self.at, bytes.fromhex(self.stamp), self.source, bytes(self.value))


class Membership(msgspec.Struct, gc=False):
    """schemas.profile.AccountMembership. Without `since` they do not belong to it any more."""

    account_id: str
    role: str | None = None
    since: datetime | None = None
    kind: Said | None = None
    traits: dict[str, Said] = {}


class Snapshot(msgspec.Struct, gc=False):
    """What is read of everybody: most people belong to no account."""

    workspace: str
    profile_id: UUID
    version: int
    memberships: list[Membership] = []


class Trait(msgspec.Struct, gc=False):
    """schemas.profile.Trait."""

    value: msgspec.Raw
    source: str
    at: datetime


class SnapshotWithTraits(Snapshot, gc=False):
    """What is read of everybody where traits make households."""

    traits: dict[str, Trait] = {}

    def household(self, names: Sequence[str]) -> Household | None:
        """By these traits; None where they do not say any."""
        values = {name: bytes(self.traits[name].value) for name in names if name in self.traits}
        shared = same_for_all(values, names)
        if shared is None:
            return None
        last = max([self.traits[name] for name in names], key=lambda one: (one.at, one.source))
        return Household(shared, Told(last.at, b"", last.source, b'"household"'))


class Household(NamedTuple):
    """What its people have in common, and the word that makes it one."""

    shared: str
    kind: Told


class _Behaviour(msgspec.Struct, frozen=True, gc=False):
    events: int = 0


class _Purchases(msgspec.Struct, frozen=True, gc=False):
    orders: int = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    currency: str = "USD"
    last_order_at: datetime | None = None
    other_currencies: Purse = {}
    orders_with_cost: int = 0
    margin: Decimal | None = None


class _Complaint(msgspec.Struct, gc=False):
    received_at: datetime
    severity: int = 0


class _Ticket(msgspec.Struct, gc=False):
    opened_at: datetime


class _Service(msgspec.Struct, frozen=True, gc=False):
    calls: int = 0
    complaints: int = 0
    open_complaints: list[_Complaint] = []
    csat_answers: int = 0
    csat_mean: float | None = None
    nps_last: float | None = None
    tickets: int = 0
    open_tickets: list[_Ticket] = []
    cost_to_serve: Purse = {}


class _Sales(msgspec.Struct, frozen=True, gc=False):
    open_opportunities: list[msgspec.Raw] = []
    opportunities_won: int = 0
    pipeline: Purse = {}
    weighted_pipeline: Purse = {}
    won: Purse = {}


class _Loyalty(msgspec.Struct, frozen=True, gc=False):
    tier: str | None = None


class _Payments(msgspec.Struct, frozen=True, gc=False):
    overdue: Purse = {}


class _Facts(msgspec.Struct, gc=False):
    """What is read of a member besides."""

    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    behaviour: _Behaviour = _Behaviour()
    purchases: _Purchases = _Purchases()
    service: _Service = _Service()
    sales: _Sales = _Sales()
    loyalty: _Loyalty = _Loyalty()
    payments: _Payments = _Payments()

    def amounts(self) -> dict[str, int]:
        """Minor units by what and currency, without those that are nothing."""
        bought, sales, own = self.purchases, self.sales, self.purchases.currency
        said: tuple[tuple[str, Purse], ...] = (
            ("revenue", {**bought.other_currencies, own: bought.revenue}),
            ("refunded", {own: bought.refunded}),
            ("margin", {} if bought.margin is None else {own: bought.margin}),
            ("overdue", self.payments.overdue),
            ("cost_to_serve", self.service.cost_to_serve),
            ("pipeline", sales.pipeline),
            ("weighted_pipeline", sales.weighted_pipeline),
            ("won", sales.won),
        )
        return {
            f"{what}:{currency}": units
            for what, purse in said
            for currency, amount in purse.items()
            if amount and (units := minor_units(amount, currency))
        }


_snapshot: Final = msgspec.json.Decoder(Snapshot).decode
_with_traits: Final = msgspec.json.Decoder(SnapshotWithTraits).decode
_facts: Final = msgspec.json.Decoder(_Facts).decode


def read(value: bytes) -> Snapshot:
    """A record's value. msgspec.DecodeError or UnicodeDecodeError when it is none."""
    return _snapshot(value)


def read_with_traits(value: bytes) -> SnapshotWithTraits:
    """The same, where traits make households."""
    return _with_traits(value)


def contributions(
    snapshot: Snapshot, value: bytes, household: tuple[str, Told] | None = None
) -> dict[str, Rollup]:
    """Account id -> what the person contributes to it; `value` is the snapshot as it was read.

    Who left contributes what they said of the account, and nothing else. `household`: the id of the
    one that traits make, and the word that makes it one.
    """
    if not snapshot.memberships and household is None:
        return {}
    own = contribution(_facts(value))
    found: dict[str, Rollup] = {}
    for one in snapshot.memberships:
        kind = one.kind.told if one.kind is not None else None
        traits = {name: said.told for name, said in one.traits.items()}
        if one.since is not None:
            roles = {one.role: 1} if one.role else {}
            found[one.account_id] = own._replace(roles=roles, kind=kind, traits=traits)
        elif kind is not None or traits:
            found[one.account_id] = EMPTY._replace(kind=kind, traits=traits)
    if household is not None:
        account_id, word = household
        found[account_id] = own._replace(kind=word)
    return found


def contribution(facts: _Facts) -> Rollup:
    """One member's facts as a roll-up of one."""
    bought, service = facts.purchases, facts.service
    waiting, nps = service.open_complaints, service.nps_last
    return Rollup(
        (
            1,
            facts.behaviour.events,
            bought.orders,
            service.calls,
            service.complaints,
            len(waiting),
            # the mean was made of a whole number of thousandths: this is that number again
            round((service.csat_mean or 0) * 1000 * service.csat_answers),
            service.csat_answers,
            int(nps is not None),
            int(nps is not None and nps >= PROMOTER_FROM),
            int(nps is not None and nps <= DETRACTOR_TO),
            service.tickets,
            len(service.open_tickets),
            bought.orders_with_cost,
            len(facts.sales.open_opportunities),
            facts.sales.opportunities_won,
        ),
        (
            facts.first_seen_at,
            min([one.received_at for one in waiting], default=None),
            min([one.opened_at for one in service.open_tickets], default=None),
        ),
        (facts.last_seen_at, bought.last_order_at),
        facts.amounts(),
        {},
        {facts.loyalty.tier: 1} if facts.loyalty.tier else {},
        max([one.severity for one in waiting], default=0),
        None,
        {},
    )
