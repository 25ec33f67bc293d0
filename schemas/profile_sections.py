"""The sections of a profile beside behaviour: what was bought, paid, asked, sold, earned, allowed.

A section, or a field of one, that has nothing to say is left out of a snapshot; readers then have
its default here. Money is by currency where a section says so, else in the workspace's currency.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment
from schemas.identifier import Identifier
from schemas.money import Currency

Purse = dict[str, Decimal]


def no_money() -> Purse:
    return {}


class Purchases(Message):
    """What was bought, in the workspace's currency; days are UTC days with at least one order.

    `repeat_revenue` is the revenue of all purchase days but the first (Gamma-Gamma's x * m).
    Orders in other currencies are counted and listed in `other_currencies`, not added up.
    An order that was cancelled counts for nothing but `cancelled_orders`, and its refunds for
    nothing at all. `cost` and `margin` are of the `orders_with_cost`: those in the workspace's
    currency of which every line said its cost. `average_order` is of orders in that currency, to
    its smallest unit; `average_days_between_orders` is between purchase days.
    """

    orders: int = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    currency: Currency = "USD"
    purchase_days: int = 0
    first_day: date | None = None
    last_day: date | None = None
    repeat_revenue: Decimal = Decimal(0)
    last_order_at: Moment | None = None
    other_currencies: Purse = Field(default_factory=no_money)
    cancelled_orders: int = 0
    returned_orders: int = 0
    orders_with_cost: int = 0
    cost: Decimal | None = None
    margin: Decimal | None = None
    average_order: Decimal | None = None
    average_days_between_orders: float | None = None


class Payments(Message):
    """Payment discipline. A bill is an invoice, else an order, else a payment that names neither.

    A bill is late by the most days that any payment or reminder of it said; in time at 0 days.
    `overdue`: of each bill what its newest payment_overdue said, less what was paid since.
    """

    payments: int = 0
    paid: Purse = Field(default_factory=no_money)
    bills: int = 0
    paid_on_time: int = 0
    paid_late: int = 0
    days_late_mean: float | None = None
    overdue_bills: int = 0
    overdue: Purse = Field(default_factory=no_money)


ComplaintStep = Literal["received", "classified", "investigated", "handled", "fed_back", "archived"]


class OpenComplaint(Message):
    """A complaint that was received and not yet handled; `event_id` is its complaint_received.

    Severity and category are as it was classified at last, else as it was received.
    """

    complaint_id: str
    received_at: Moment
    severity: int
    category: str | None = None
    event_id: UUID
    step: ComplaintStep = "received"
    step_since: Moment | None = Field(default=None, description="none: since it was received")


class HandledComplaint(Message):
    """A complaint that was handled and is not archived yet."""

    complaint_id: str
    step: ComplaintStep = "handled"
    step_since: Moment


class OpenTicket(Message):
    """A ticket at a step other than resolved or closed. `opened_at`: when we heard of it first."""

    ticket_id: str
    opened_at: Moment
    priority: str | None = None
    category: str | None = None
    step: Literal["opened", "assigned", "answered", "reopened"] = "opened"
    step_since: Moment
    reopened: int = 0


class Service(Message):
    """Calls, complaints, tickets and surveys.

    `first_contact_resolved` of `first_contact_known` tickets; `cost_to_serve` by currency: what
    tickets and the handling of complaints cost. Means of reviews and feedback are shares of the
    best possible rating, of sentiments from -1 to 1.
    """

    calls: int = 0
    call_duration_s: float = 0
    complaints: int = 0
    complaints_handled: int = 0
    open_complaints: tuple[OpenComplaint, ...] = ()
    csat_answers: int = 0
    csat_mean: float | None = None
    nps_last: float | None = None
    ces_mean: float | None = None
    complaints_by_step: dict[str, int] = Field(default_factory=dict)
    handled_complaints: tuple[HandledComplaint, ...] = Field(
        default=(), description="the newest 20"
    )
    tickets: int = 0
    open_tickets: tuple[OpenTicket, ...] = ()
    tickets_reopened: int = 0
    first_contact_resolved: int = 0
    first_contact_known: int = 0
    cost_to_serve: Purse = Field(default_factory=no_money)
    csat_last: float | None = None
    nps_answers: int = 0
    nps_mean: float | None = None
    nps_promoters: int = 0
    nps_detractors: int = 0
    ces_answers: int = 0
    ces_last: float | None = None
    reviews: int = 0
    review_mean: float | None = None
    feedback: int = 0
    feedback_mean: float | None = None
    suggestions: int = 0
    requirements: int = Field(default=0, description="words that became a product requirement")
    sentiments: int = 0
    sentiment_mean: float | None = None


class Lead(Message):
    """A lead; without a number it is the person's one lead without a number."""

    lead_id: str | None = None
    captured_at: Moment
    source: str | None = None
    owner: str | None = None
    qualified: bool | None = None


class OpenOpportunity(Message):
    """An opportunity that is neither won nor lost; each field as it was said last."""

    opportunity_id: str
    name: str | None = None
    opened_at: Moment
    stage: str | None = None
    stage_since: Moment | None = None
    amount: Decimal | None = None
    currency: Currency | None = None
    probability: float | None = None
    expected_close: date | None = None


class Contract(Message):
    """A contract. `renewal_due_on` until it is signed again."""

    contract_id: str
    signed_at: Moment | None = None
    value: Decimal | None = None
    currency: Currency | None = None
    ends_on: date | None = None
    renewal_due_on: date | None = None


class Sales(Message):
    """Leads, opportunities, quotes and contracts; money by currency.

    `weighted_pipeline`: amount times probability of each open opportunity that said both.
    """

    owner: str | None = None
    leads: tuple[Lead, ...] = ()
    open_opportunities: tuple[OpenOpportunity, ...] = ()
    pipeline: Purse = Field(default_factory=no_money)
    weighted_pipeline: Purse = Field(default_factory=no_money)
    opportunities_won: int = 0
    opportunities_lost: int = 0
    won: Purse = Field(default_factory=no_money)
    quotes: int = 0
    quoted: Purse = Field(default_factory=no_money)
    contracts: tuple[Contract, ...] = ()
    tasks_completed: int = 0


class Programme(Message):
    """How the customer stands in one loyalty programme. `balance` is what was earned less what was
    redeemed; `stated_balance` is what the programme itself said last."""

    programme: str | None = None
    joined_at: Moment | None = None
    tier: str | None = None
    tier_since: Moment | None = None
    earned: Decimal = Decimal(0)
    redeemed: Decimal = Decimal(0)
    balance: Decimal = Decimal(0)
    stated_balance: Decimal | None = None


class Loyalty(Message):
    """Programmes, referrals and what is said in public; `tier` is the newest of any programme."""

    tier: str | None = None
    tier_since: Moment | None = None
    points: Decimal | None = None
    programmes: tuple[Programme, ...] = ()
    referrals_made: int = 0
    referred: tuple[Identifier, ...] = Field(default=(), description="at most 50 of them")
    referrals_received: int = 0
    referred_by: Identifier | None = None
    mentions: int = 0
    mention_reach: int = 0
    shares: int = 0
    share_reach: int = 0


class Marketing(Message):
    """Messages of campaigns by what became of them. `unsubscribed`: a channel, or channel/list,
    and since when; money by currency."""

    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    converted: int = 0
    conversion_value: Purse = Field(default_factory=no_money)
    cost: Purse = Field(default_factory=no_money)
    unsubscribed: dict[str, Moment] = Field(default_factory=dict)


class Consent(Message):
    """The newest word on one purpose; `event_id` is the event that said it: the proof."""

    allowed: bool
    at: Moment
    source: str
    text_version: str | None = None
    expires_on: date | None = None
    event_id: UUID


class Preferences(Message):
    """What the customer chooses of their own accord: most often, the first of equals.

    `hour` is in UTC. `products` counts views and order lines by stock keeping unit.
    """

    channel: str | None = None
    hour: int | None = None
    device: str | None = None
    category: str | None = None
    product: str | None = None
    products: dict[str, int] = Field(default_factory=dict)


class Quality(Message):
    """How good what we know of the person is (services/profile/domain/quality.py has the formula).

    `score` from 0 to 100; its four parts from 0 to 1, conflicts as a count: refused links, but of
    pairs that somebody set apart, which are settled. `late`: words on what was long over, which
    came too late to count.
    """

    score: int = 0
    completeness: float = 0
    validity: float = 1
    freshness: float = 0
    conflicts: int = 0
    late: int = 0
    missing: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
