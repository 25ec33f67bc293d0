"""The profile of an account or household: what its members come to together, at a version."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name
from schemas.money import Currency
from schemas.profile import Trait

Purse = dict[str, Decimal]


class AccountPurchases(Message):
    """What its members bought, in the workspace's currency.

    `other_currencies`: revenue in each other one, which is not added up; `orders` counts them too.
    `margin`: of the `orders_with_cost`. `overdue`: unpaid, by currency.
    """

    orders: int = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    currency: Currency = "USD"
    last_order_at: Moment | None = None
    other_currencies: Purse = Field(default_factory=dict)
    orders_with_cost: int = 0
    margin: Decimal | None = None
    overdue: Purse = Field(default_factory=dict)


class AccountService(Message):
    """Calls, complaints, tickets and surveys of its members.

    `complaining_since`, `worst_severity`: the oldest and the worst of the open complaints. NPS is
    100 * (promoters - detractors) / answers over the newest answer of each member.
    """

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
    cost_to_serve: Purse = Field(default_factory=dict)


class AccountSales(Message):
    """Opportunities of its members; money by currency."""

    open_opportunities: int = 0
    opportunities_won: int = 0
    pipeline: Purse = Field(default_factory=dict)
    weighted_pipeline: Purse = Field(default_factory=dict)
    won: Purse = Field(default_factory=dict)


class Account(Message):
    """A snapshot (topic accounts.changed, key account profile id). The newest version of an id
    counts. With `gone` nobody is left who ever belonged to it, and it carries no facts any more.

    Members count whole: also what they did before they joined. `kind` and `traits` are the newest
    words of anybody who belongs or belonged to it. `roles` and `tiers`: members by role and by
    loyalty tier, exact; of more than 50 names some are left out. `member_profile_ids`: the
    members, while at most 64 people belong or belonged to it; else none are listed.
    """

    workspace: Name
    account_profile_id: UUID
    version: int
    updated_at: Moment
    gone: bool = False
    account_id: str = ""
    kind: str = "company"
    traits: dict[str, Trait] = Field(default_factory=dict)
    members: int = 0
    roles: dict[str, int] = Field(default_factory=dict)
    tiers: dict[str, int] = Field(default_factory=dict)
    member_profile_ids: tuple[UUID, ...] = ()
    first_seen_at: Moment | None = None
    last_seen_at: Moment | None = None
    events: int = 0
    purchases: AccountPurchases = AccountPurchases()
    service: AccountService = AccountService()
    sales: AccountSales = AccountSales()
