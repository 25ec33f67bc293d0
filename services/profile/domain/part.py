"""A part: the folded facts of all events that count for one identity node.

Everything in it is commutative: sums, minima, maxima, sets, and the newest by (time, event id).
So parts do not depend on the order of arrival, and parts of one person can be combined in any
order. Named tuples, because they are written to Redis as arrays; the containers inside are
changed in place by whoever has just loaded them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from services.profile.domain.memberships import Membership

KindCode = int | str

#: Kinds of touchpoints by their code in the state. Append only: the index is what is stored.
KINDS: Final = (
    "page_viewed",
    "product_viewed",
    "order_completed",
    "order_refunded",
    "call_completed",
    "complaint_received",
    "complaint_handled",
    "survey_answered",
    "identified",
    "aliased",
    "account_linked",
    "custom",
    "searched",
    "cart_updated",
    "checkout_started",
    "order_cancelled",
    "return_requested",
    "payment_made",
    "payment_overdue",
    "message_received",
    "meeting_held",
    "store_visited",
    "ticket_opened",
    "ticket_assigned",
    "ticket_answered",
    "ticket_resolved",
    "ticket_closed",
    "ticket_reopened",
    "complaint_classified",
    "complaint_investigated",
    "complaint_fed_back",
    "complaint_archived",
    "review_posted",
    "suggestion_made",
    "feedback_given",
    "campaign_sent",
    "campaign_delivered",
    "campaign_opened",
    "campaign_clicked",
    "campaign_converted",
    "campaign_cost_booked",
    "unsubscribed",
    "lead_captured",
    "lead_assigned",
    "lead_qualified",
    "opportunity_opened",
    "opportunity_stage_changed",
    "opportunity_won",
    "opportunity_lost",
    "quote_sent",
    "contract_signed",
    "contract_renewal_due",
    "task_completed",
    "customer_referred",
    "membership_joined",
    "tier_changed",
    "points_earned",
    "points_redeemed",
    "social_mentioned",
    "resource_shared",
    "consent_changed",
    "profile_merge_requested",
    "profile_unmerge_requested",
)
KIND_CODES: Final[dict[str, int]] = {kind: code for code, kind in enumerate(KINDS)}
CALL_COMPLETED: Final = KIND_CODES["call_completed"]

#: Places in `seen`.
FIRST, LAST, BORN = range(3)
#: Keys of `sums`. Fractions are kept in thousandths, since sums of floats depend on their order.
CALL_MS, CSAT_MILLI, CSAT_ANSWERS, CES_MILLI, CES_ANSWERS = range(5)


#: How often, and when at last.
Count = tuple[int, datetime]


class Said(NamedTuple):
    """A trait's value as JSON (`null`: removed), who said it and when."""

    at: datetime
    event: bytes
    source: str
    value: bytes


class Order(NamedTuple):
    """An order in its currency's minor units. Sent again, the newest counts."""

    at: datetime
    event: bytes
    units: int
    currency: str


class Answer(NamedTuple):
    """The answer to a survey of which only the newest counts."""

    at: datetime
    event: bytes
    score: float


class Received(NamedTuple):
    """The earliest complaint_received of a complaint; `event` is its whole event id."""

    at: datetime
    event: bytes
    severity: int
    category: str | None


class Complaint(NamedTuple):
    """What is known of a complaint; it may be handled before we hear that it was received."""

    received: Received | None
    handled: datetime | None


class Part(NamedTuple):
    """Facts by what they are about. `seen`: first and last occurred, first received."""

    seen: list[datetime]
    kinds: dict[KindCode, Count]
    channels: dict[str, Count]
    categories: dict[str, int]
    traits: dict[str, Said]
    orders: dict[bytes, Order]
    refunds: dict[str, int]
    sums: dict[int, int]
    complaints: dict[str, Complaint]
    answers: dict[str, Answer]
    accounts: dict[str, Membership]


def new_part(at: datetime, received: datetime) -> Part:
    """A part that knows only when its first event occurred and was received."""
    return Part([at, at, received], {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
