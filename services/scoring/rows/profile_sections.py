"""The sections of a profile beside behaviour, purchases' beginnings and service's, as columns."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa

from services.scoring.rows.table import COUNT, DAY, FLAG, FLOAT, MONEY, TEXT, TIME, Moment, money

Purse = dict[str, Decimal]

PURSE: Final = pa.map_(TEXT, MONEY)
OPEN_TICKETS: Final = pa.list_(
    pa.struct(
        [
            ("ticket_id", TEXT),
            ("opened_at", TIME),
            ("priority", TEXT),
            ("step", TEXT),
            ("step_since", TIME),
        ]
    )
)
OPEN_OPPORTUNITIES: Final = pa.list_(
    pa.struct(
        [
            ("opportunity_id", TEXT),
            ("opened_at", TIME),
            ("stage", TEXT),
            ("amount", MONEY),
            ("currency", TEXT),
            ("probability", FLOAT),
            ("expected_close", DAY),
        ]
    )
)

#: The columns of all sections, in the order of `columns`.
COLUMNS: Final = {
    "cancelled_orders": COUNT,
    "returned_orders": COUNT,
    "orders_with_cost": COUNT,
    "cost": MONEY,
    "margin": MONEY,
    "average_order": MONEY,
    "payments": COUNT,
    "bills": COUNT,
    "paid_on_time": COUNT,
    "paid_late": COUNT,
    "days_late_mean": FLOAT,
    "overdue_bills": COUNT,
    "overdue": PURSE,
    "complaints_by_step": pa.map_(TEXT, COUNT),
    "tickets": COUNT,
    "open_tickets": OPEN_TICKETS,
    "tickets_reopened": COUNT,
    "first_contact_resolved": COUNT,
    "first_contact_known": COUNT,
    "cost_to_serve": PURSE,
    "csat_last": FLOAT,
    "nps_answers": COUNT,
    "nps_mean": FLOAT,
    "nps_promoters": COUNT,
    "nps_detractors": COUNT,
    "reviews": COUNT,
    "review_mean": FLOAT,
    "suggestions": COUNT,
    "sentiment_mean": FLOAT,
    "owner": TEXT,
    "leads": COUNT,
    "leads_qualified": COUNT,
    "open_opportunities": OPEN_OPPORTUNITIES,
    "pipeline": PURSE,
    "weighted_pipeline": PURSE,
    "opportunities_won": COUNT,
    "opportunities_lost": COUNT,
    "won": PURSE,
    "contracts": COUNT,
    "renewal_due_on": DAY,
    "tier": TEXT,
    "tier_since": TIME,
    "points": MONEY,
    "referrals_made": COUNT,
    "referrals_received": COUNT,
    "mentions": COUNT,
    "mention_reach": COUNT,
    "shares": COUNT,
    "campaigns_sent": COUNT,
    "campaigns_opened": COUNT,
    "campaigns_clicked": COUNT,
    "campaigns_converted": COUNT,
    "campaign_cost": PURSE,
    "unsubscribed": pa.list_(TEXT),
    "consent": pa.map_(TEXT, FLAG),
    "preferred_channel": TEXT,
    "preferred_hour": pa.uint8(),
    "preferred_device": TEXT,
    "preferred_category": TEXT,
    "preferred_product": TEXT,
    "products": pa.map_(TEXT, COUNT),
    "quality": FLOAT,
    "facts_missing": pa.list_(TEXT),
    "facts_late": COUNT,
}


def purse(amounts: Purse) -> list[tuple[str, Decimal | None]]:
    """As a column of money by currency takes it."""
    return [(currency, money(amount)) for currency, amount in amounts.items()]


class Payments(msgspec.Struct, frozen=True, gc=False):
    payments: int = 0
    bills: int = 0
    paid_on_time: int = 0
    paid_late: int = 0
    days_late_mean: float | None = None
    overdue_bills: int = 0
    overdue: Purse = {}

    def columns(self) -> tuple[Any, ...]:
        return (
            self.payments,
            self.bills,
            self.paid_on_time,
            self.paid_late,
            self.days_late_mean,
            self.overdue_bills,
            purse(self.overdue),
        )


class OpenTicket(msgspec.Struct, frozen=True, gc=False):
    ticket_id: str
    opened_at: datetime
    step_since: datetime
    priority: str | None = None
    step: str = "opened"


class Lead(msgspec.Struct, frozen=True, gc=False):
    qualified: bool | None = None


class Opportunity(msgspec.Struct, frozen=True, gc=False):
    opportunity_id: str
    opened_at: datetime
    stage: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    probability: float | None = None
    expected_close: date | None = None


class Contract(msgspec.Struct, frozen=True, gc=False):
    renewal_due_on: date | None = None


class Sales(msgspec.Struct, frozen=True, gc=False):
    owner: str | None = None
    leads: list[Lead] = []
    open_opportunities: list[Opportunity] = []
    pipeline: Purse = {}
    weighted_pipeline: Purse = {}
    opportunities_won: int = 0
    opportunities_lost: int = 0
    won: Purse = {}
    contracts: list[Contract] = []

    def columns(self) -> tuple[Any, ...]:
        """The first day on which any contract must be renewed is `renewal_due_on`."""
        due = [one.renewal_due_on for one in self.contracts if one.renewal_due_on is not None]
        return (
            self.owner or "",
            len(self.leads),
            sum(one.qualified is True for one in self.leads),
            [_opportunity(one) for one in self.open_opportunities],
            purse(self.pipeline),
            purse(self.weighted_pipeline),
            self.opportunities_won,
            self.opportunities_lost,
            purse(self.won),
            len(self.contracts),
            min(due, default=None),
        )


def _opportunity(one: Opportunity) -> tuple[Any, ...]:
    return (
        one.opportunity_id,
        one.opened_at,
        one.stage or "",
        money(one.amount),
        one.currency or "",
        one.probability,
        one.expected_close,
    )


class Loyalty(msgspec.Struct, frozen=True, gc=False):
    tier: str | None = None
    tier_since: Moment | None = None
    points: Decimal | None = None
    referrals_made: int = 0
    referrals_received: int = 0
    mentions: int = 0
    mention_reach: int = 0
    shares: int = 0

    def columns(self) -> tuple[Any, ...]:
        return (
            self.tier or "",
            self.tier_since,
            money(self.points),
            self.referrals_made,
            self.referrals_received,
            self.mentions,
            self.mention_reach,
            self.shares,
        )


class Marketing(msgspec.Struct, frozen=True, gc=False):
    sent: int = 0
    opened: int = 0
    clicked: int = 0
    converted: int = 0
    cost: Purse = {}
    unsubscribed: dict[str, Any] = {}

    def columns(self) -> tuple[Any, ...]:
        sums = self.sent, self.opened, self.clicked, self.converted
        return (*sums, purse(self.cost), sorted(self.unsubscribed))


class Consent(msgspec.Struct, frozen=True, gc=False):
    allowed: bool


class Preferences(msgspec.Struct, frozen=True, gc=False):
    channel: str | None = None
    hour: int | None = None
    device: str | None = None
    category: str | None = None
    product: str | None = None
    products: dict[str, int] = {}

    def columns(self) -> tuple[Any, ...]:
        return (
            self.channel or "",
            self.hour,
            self.device or "",
            self.category or "",
            self.product or "",
            list(self.products.items()),
        )


class Quality(msgspec.Struct, frozen=True, gc=False):
    score: float | None = None
    missing: list[str] = []
    late: int = 0

    def columns(self) -> tuple[Any, ...]:
        return self.score, self.missing, self.late


Section = Payments | Sales | Loyalty | Marketing | Preferences

NO_PAYMENTS: Final = Payments()
NO_SALES: Final = Sales()
NO_LOYALTY: Final = Loyalty()
NO_MARKETING: Final = Marketing()
NO_PREFERENCES: Final = Preferences()
_SAYING_NOTHING: Final[dict[int, tuple[Any, ...]]] = {
    id(one): one.columns()
    for one in (NO_PAYMENTS, NO_SALES, NO_LOYALTY, NO_MARKETING, NO_PREFERENCES)
}


def columns_of(section: Section) -> tuple[Any, ...]:
    """The section's columns; most sections of most people say nothing, which is known already."""
    return _SAYING_NOTHING.get(id(section)) or section.columns()
