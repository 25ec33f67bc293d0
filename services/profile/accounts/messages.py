"""profiles.changed as accounts read it, and what a person contributes to which of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from schemas.money import minor_units
from services.profile.domain.memberships import Told
from services.profile.domain.rollup import EMPTY, Rollup

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
    """schemas.profile.Membership. Without `since` they do not belong to it any more."""

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


class _Behaviour(msgspec.Struct, frozen=True, gc=False):
    events: int = 0


class _Purchases(msgspec.Struct, frozen=True, gc=False):
    orders: int = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    currency: str = "USD"
    last_order_at: datetime | None = None
    other_currencies: dict[str, Decimal] = {}

    def amounts(self) -> dict[str, int]:
        """Minor units by what and currency, without those that are nothing."""
        money = {f"revenue:{one}": (amount, one) for one, amount in self.other_currencies.items()}
        money[f"revenue:{self.currency}"] = (self.revenue, self.currency)
        money[f"refunded:{self.currency}"] = (self.refunded, self.currency)
        units = {name: minor_units(*amount) for name, amount in money.items()}
        return {name: amount for name, amount in units.items() if amount}


class _Complaint(msgspec.Struct, gc=False):
    received_at: datetime
    severity: int = 0


class _Service(msgspec.Struct, frozen=True, gc=False):
    calls: int = 0
    complaints: int = 0
    open_complaints: list[_Complaint] = []
    csat_answers: int = 0
    csat_mean: float | None = None
    nps_last: float | None = None


class _Facts(msgspec.Struct, gc=False):
    """What is read of a member besides."""

    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    behaviour: _Behaviour = _Behaviour()
    purchases: _Purchases = _Purchases()
    service: _Service = _Service()


_snapshot: Final = msgspec.json.Decoder(Snapshot).decode
_facts: Final = msgspec.json.Decoder(_Facts).decode


def read(value: bytes) -> Snapshot:
    """A record's value. msgspec.DecodeError or UnicodeDecodeError when it is none."""
    return _snapshot(value)


def contributions(snapshot: Snapshot, value: bytes) -> dict[str, Rollup]:
    """Account id -> what the person contributes to it; `value` is the snapshot as it was read.

    Who left contributes what they said of the account, and nothing else.
    """
    if not snapshot.memberships:
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
        ),
        (facts.first_seen_at, min([one.received_at for one in waiting], default=None)),
        (facts.last_seen_at, bought.last_order_at),
        bought.amounts(),
        {},
        max([one.severity for one in waiting], default=0),
        None,
        {},
    )
