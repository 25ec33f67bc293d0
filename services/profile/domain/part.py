"""A part: the folded facts of all events that count for one identity node.

Everything in it is commutative: sums, minima, maxima, sets, and the newest by (time, event id).
So parts do not depend on the order of arrival, and parts of one person can be combined in any
order. Named tuples, because they are written to Redis as arrays; the containers inside are
changed in place by whoever has just loaded them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from services.profile.domain.memberships import Membership
from services.profile.domain.states import (
    Answer,
    Bill,
    Complaint,
    Consent,
    Contract,
    Count,
    Deal,
    Lead,
    Order,
    Past,
    Programme,
    Purse,
    Said,
    Ticket,
    Word,
)

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
(
    CALL_MS,
    CSAT_MILLI,
    CSAT_ANSWERS,
    CES_MILLI,
    CES_ANSWERS,
    NPS_MILLI,
    NPS_ANSWERS,
    NPS_PROMOTERS,
    NPS_DETRACTORS,
    REVIEW_MILLI,
    REVIEWS_RATED,
    FEEDBACK_MILLI,
    FEEDBACK_RATED,
    SENTIMENT_MILLI,
    SENTIMENTS,
    REQUIREMENTS,
    MENTION_REACH,
    SHARE_REACH,
    REFERRALS_MADE,
    REFERRALS_RECEIVED,
) = range(20)
#: Keys of `words`.
OWNER, REFERRER = range(2)
#: Keys of `money`.
PAID, CAMPAIGN_COST, CONVERTED, QUOTED = range(4)


class Part(NamedTuple):
    """Facts by what they are about. `seen`: first and last occurred, first received.

    Append only, as it is stored; what is appended has its empty form in `nothing`.
    """

    seen: list[datetime]
    kinds: dict[KindCode, Count]
    channels: dict[str, Count]
    categories: dict[str, int]
    traits: dict[str, Said]
    orders: dict[bytes, Order]
    refunds: Purse  # of orders that nobody named: of states before there was `refunds_of`
    sums: dict[int, int]
    complaints: dict[str, Complaint]
    answers: dict[str, Answer]
    accounts: dict[str, Membership]
    refunds_of: dict[bytes, Purse]
    cancelled: set[bytes]
    returned: set[bytes]
    bills: dict[bytes, Bill]
    tickets: dict[str, Ticket]
    leads: dict[str, Lead]
    deals: dict[str, Deal]
    contracts: dict[str, Contract]
    words: dict[int, Word]
    programmes: dict[str, Programme]
    referred: set[str]
    unsubscribed: dict[str, datetime]
    consents: dict[str, Consent]
    money: dict[int, Purse]
    hours: dict[int, int]
    chosen: dict[str, int]
    devices: dict[str, int]
    products: dict[str, int]
    past: list[Past]


def nothing() -> tuple[Any, ...]:
    """All fields of a part but `seen`, empty."""
    return (
        *({}, {}, {}, {}, {}, {}, {}, {}, {}, {}),
        *({}, set(), set(), {}, {}, {}, {}, {}, {}, {}, set(), {}, {}, {}),
        *({}, {}, {}, {}, []),
    )


def new_part(at: datetime, received: datetime) -> Part:
    """A part that knows only when its first event occurred and was received."""
    return Part([at, at, received], *nothing())
