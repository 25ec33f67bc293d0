"""accounts.changed -> account_profiles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa

from services.scoring.rows.profiles import Trait, as_text
from services.scoring.rows.table import (
    COUNT,
    FLAG,
    FLOAT,
    MONEY,
    TEXT,
    TIME,
    Moment,
    Rows,
    Table,
    Uuid,
    Version,
    money,
)

TABLE: Final = Table.of(
    "account_profiles",
    workspace=TEXT,
    account_profile_id=TEXT,
    version=COUNT,
    updated_at=TIME,
    gone=FLAG,
    account_id=TEXT,
    kind=TEXT,
    traits=pa.map_(TEXT, TEXT),
    members=COUNT,
    roles=pa.map_(TEXT, COUNT),
    member_profile_ids=pa.list_(TEXT),
    first_seen_at=TIME,
    last_seen_at=TIME,
    events=COUNT,
    orders=COUNT,
    revenue=MONEY,
    refunded=MONEY,
    currency=TEXT,
    last_order_at=TIME,
    other_currencies=pa.map_(TEXT, MONEY),
    calls=COUNT,
    complaints=COUNT,
    open_complaints=COUNT,
    complaining_since=TIME,
    worst_severity=pa.uint8(),
    csat_answers=COUNT,
    csat_mean=FLOAT,
    nps_answers=COUNT,
    nps_promoters=COUNT,
    nps_detractors=COUNT,
    nps=FLOAT,
)


class Purchases(msgspec.Struct, frozen=True, gc=False):
    """schemas.account.AccountPurchases."""

    orders: int = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    currency: str = "USD"
    last_order_at: Moment | None = None
    other_currencies: dict[str, Decimal] = {}

    def columns(self) -> tuple[Any, ...]:
        return (
            self.orders,
            money(self.revenue),
            money(self.refunded),
            self.currency,
            self.last_order_at,
            [(currency, money(amount)) for currency, amount in self.other_currencies.items()],
        )


class Service(msgspec.Struct, frozen=True, gc=False):
    """schemas.account.AccountService."""

    calls: int = 0
    complaints: int = 0
    open_complaints: int = 0
    complaining_since: Moment | None = None
    worst_severity: int | None = None
    csat_answers: int = 0
    csat_mean: float | None = None
    nps_answers: int = 0
    nps_promoters: int = 0
    nps_detractors: int = 0
    nps: float | None = None

    def columns(self) -> tuple[Any, ...]:
        return (
            self.calls,
            self.complaints,
            self.open_complaints,
            self.complaining_since,
            self.worst_severity,
            self.csat_answers,
            self.csat_mean,
            self.nps_answers,
            self.nps_promoters,
            self.nps_detractors,
            self.nps,
        )


class Account(msgspec.Struct, frozen=True, gc=False):
    """schemas.account.Account."""

    workspace: str
    account_profile_id: Uuid
    version: Version
    updated_at: Moment
    gone: bool = False
    account_id: str = ""
    kind: str = "company"
    traits: dict[str, Trait] = {}
    members: int = 0
    roles: dict[str, int] = {}
    member_profile_ids: list[Uuid] = []
    first_seen_at: Moment | None = None
    last_seen_at: Moment | None = None
    events: int = 0
    purchases: Purchases = Purchases()
    service: Service = Service()

    def columns(self) -> tuple[Any, ...]:
        return (
            self.workspace,
            self.account_profile_id,
            self.version,
            self.updated_at,
            self.gone,
            self.account_id,
            self.kind,
            [(name, as_text(trait.value)) for name, trait in self.traits.items()],
            self.members,
            list(self.roles.items()),
            self.member_profile_ids,
            self.first_seen_at,
            self.last_seen_at,
            self.events,
        )


ACCOUNT: Final = msgspec.json.Decoder(Account)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row for one version of an account."""
    one = ACCOUNT.decode(value)
    return [(TABLE.name, one.columns() + one.purchases.columns() + one.service.columns())]
