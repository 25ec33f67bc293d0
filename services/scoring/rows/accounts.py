"""accounts.changed -> account_profiles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa

from services.scoring.rows.profile_sections import Purse, purse
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

PURSE: Final = pa.map_(TEXT, MONEY)
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
    tiers=pa.map_(TEXT, COUNT),
    member_profile_ids=pa.list_(TEXT),
    first_seen_at=TIME,
    last_seen_at=TIME,
    events=COUNT,
    orders=COUNT,
    revenue=MONEY,
    refunded=MONEY,
    currency=TEXT,
    last_order_at=TIME,
    other_currencies=PURSE,
    orders_with_cost=COUNT,
    margin=MONEY,
    overdue=PURSE,
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
    tickets=COUNT,
    open_tickets=COUNT,
    ticket_open_since=TIME,
    cost_to_serve=PURSE,
    open_opportunities=COUNT,
    opportunities_won=COUNT,
    pipeline=PURSE,
    weighted_pipeline=PURSE,
    won=PURSE,
)


class Purchases(msgspec.Struct, frozen=True, gc=False):
    """schemas.account.AccountPurchases."""

    orders: int = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    currency: str = "USD"
    last_order_at: Moment | None = None
    other_currencies: Purse = {}
    orders_with_cost: int = 0
    margin: Decimal | None = None
    overdue: Purse = {}

    def columns(self) -> tuple[Any, ...]:
        return (
            self.orders,
            money(self.revenue),
            money(self.refunded),
            self.currency,
            self.last_order_at,
            purse(self.other_currencies),
            self.orders_with_cost,
            money(self.margin),
            purse(self.overdue),
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
    tickets: int = 0
    open_tickets: int = 0
    ticket_open_since: Moment | None = None
    cost_to_serve: Purse = {}

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
            self.tickets,
            self.open_tickets,
            self.ticket_open_since,
            purse(self.cost_to_serve),
        )


class Sales(msgspec.Struct, frozen=True, gc=False):
    """schemas.account.AccountSales."""

    open_opportunities: int = 0
    opportunities_won: int = 0
    pipeline: Purse = {}
    weighted_pipeline: Purse = {}
    won: Purse = {}

    def columns(self) -> tuple[Any, ...]:
        return (
            self.open_opportunities,
            self.opportunities_won,
            purse(self.pipeline),
            purse(self.weighted_pipeline),
            purse(self.won),
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
    tiers: dict[str, int] = {}
    member_profile_ids: list[Uuid] = []
    first_seen_at: Moment | None = None
    last_seen_at: Moment | None = None
    events: int = 0
    purchases: Purchases = Purchases()
    service: Service = Service()
    sales: Sales = Sales()

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
            list(self.tiers.items()),
            self.member_profile_ids,
            self.first_seen_at,
            self.last_seen_at,
            self.events,
        )


ACCOUNT: Final = msgspec.json.Decoder(Account)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row for one version of an account."""
    one = ACCOUNT.decode(value)
    row = one.columns() + one.purchases.columns() + one.service.columns() + one.sales.columns()
    return [(TABLE.name, row)]
