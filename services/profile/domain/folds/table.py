"""Which fold each kind of touchpoint has. A new kind gets its row here, and its fold in the file
of its family beside this one; a kind that is only counted has a row without a fold.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, Final, NamedTuple

import msgspec

from services.profile.domain import event as identity_facts
from services.profile.domain.folds import (
    account,
    browsing,
    complaint,
    consent,
    contact,
    habit,
    identity,
    loyalty,
    marketing,
    payment,
    purchase,
    sales,
    ticket,
    voice,
)
from services.profile.domain.folds.facts import Facts, Fold
from services.profile.domain.part import KIND_CODES, KindCode


class Row(NamedTuple):
    """What is read of a kind, and how it changes a part; None: it is counted and no more."""

    facts: type[Any] = Facts
    fold: Fold | None = None


FOLDS: Final[dict[str, Row]] = {
    "page_viewed": Row(browsing.Paged, browsing.paged),
    "product_viewed": Row(browsing.Viewed, browsing.viewed),
    "searched": Row(browsing.Paged, browsing.paged),
    "cart_updated": Row(browsing.Carted, browsing.viewed),
    "checkout_started": Row(),
    "order_completed": Row(purchase.Ordered, purchase.ordered),
    "order_refunded": Row(purchase.Refunded, purchase.refunded),
    "order_cancelled": Row(purchase.OfOrder, purchase.cancelled),
    "return_requested": Row(purchase.OfOrder, purchase.returned),
    "payment_made": Row(payment.Paid, payment.paid),
    "payment_overdue": Row(payment.Late, payment.overdue),
    "call_completed": Row(contact.Called, contact.called),
    "message_received": Row(contact.Met, contact.met),
    "meeting_held": Row(contact.Met, contact.met),
    "store_visited": Row(contact.Met, contact.met),
    "ticket_opened": Row(ticket.Opening, ticket.opened),
    "ticket_assigned": Row(ticket.Step, ticket.assigned),
    "ticket_answered": Row(ticket.Step, ticket.answered),
    "ticket_resolved": Row(ticket.Resolving, ticket.resolved),
    "ticket_closed": Row(ticket.Closing, ticket.closed),
    "ticket_reopened": Row(ticket.Step, ticket.reopened),
    "complaint_received": Row(complaint.Complained, complaint.received),
    "complaint_classified": Row(complaint.Sorted, complaint.classified),
    "complaint_investigated": Row(complaint.Step, complaint.investigated),
    "complaint_handled": Row(complaint.Dealt, complaint.handled),
    "complaint_fed_back": Row(complaint.Step, complaint.fed_back),
    "complaint_archived": Row(complaint.Step, complaint.archived),
    "survey_answered": Row(voice.Surveyed, voice.surveyed),
    "review_posted": Row(voice.Reviewed, voice.reviewed),
    "suggestion_made": Row(voice.Suggested, voice.suggested),
    "feedback_given": Row(voice.Told, voice.told),
    "campaign_sent": Row(marketing.Cost, marketing.cost),
    "campaign_delivered": Row(),
    "campaign_opened": Row(),
    "campaign_clicked": Row(),
    "campaign_converted": Row(marketing.Converted, marketing.converted),
    "campaign_cost_booked": Row(marketing.Cost, marketing.cost),
    "unsubscribed": Row(marketing.Left, marketing.left),
    "lead_captured": Row(sales.Captured, sales.captured),
    "lead_assigned": Row(sales.Captured, sales.captured),
    "lead_qualified": Row(sales.Qualified, sales.qualified),
    "opportunity_opened": Row(sales.Moved, sales.moved),
    "opportunity_stage_changed": Row(sales.Moved, sales.moved),
    "opportunity_won": Row(sales.Moved, sales.won),
    "opportunity_lost": Row(sales.Moved, sales.lost),
    "quote_sent": Row(sales.Quoted, sales.quoted),
    "contract_signed": Row(sales.Contracted, sales.contracted),
    "contract_renewal_due": Row(sales.Due, sales.due),
    "task_completed": Row(sales.Owned, sales.owned),
    "customer_referred": Row(loyalty.Referred, loyalty.referred),
    "membership_joined": Row(loyalty.Joined, loyalty.joined),
    "tier_changed": Row(loyalty.Joined, loyalty.tiered),
    "points_earned": Row(loyalty.Points, loyalty.earned),
    "points_redeemed": Row(loyalty.Points, loyalty.redeemed),
    "social_mentioned": Row(loyalty.Mentioned, loyalty.mentioned),
    "resource_shared": Row(loyalty.Shared, loyalty.shared),
    "identified": Row(identity_facts.Identified, identity.identified),
    "aliased": Row(identity_facts.Aliased),
    "account_linked": Row(identity_facts.Linked, account.linked),
    "consent_changed": Row(consent.Consented, consent.consented),
    "profile_merge_requested": Row(identity_facts.MergeRequested),
    "profile_unmerge_requested": Row(identity_facts.UnmergeRequested),
    "custom": Row(),
}

#: Families whose states are joined when parts become one person; those with bounds keep them then.
JOINS: Final = (
    account.join,
    browsing.join,
    complaint.join,
    consent.join,
    habit.join,
    identity.join,
    loyalty.join,
    marketing.join,
    payment.join,
    purchase.join,
    sales.join,
    ticket.join,
    voice.join,
)
SETTLES: Final = (
    account.bound,
    browsing.bound,
    consent.bound,
    habit.bound,
    identity.bound,
    loyalty.bound,
    marketing.bound,
    purchase.settle,
)


def _tagged(kind: str, row: Row) -> type[msgspec.Struct]:
    """The facts as a class of this kind alone, so that one decoder tells the kinds apart."""
    if row.facts.__struct_config__.tag == kind:
        return row.facts
    return msgspec.defstruct(kind, [], bases=(row.facts,), tag_field="kind", tag=kind, gc=False)


_OF_KIND: Final = {kind: _tagged(kind, row) for kind, row in FOLDS.items()}
#: The kind of touchpoint that facts are of, as the state knows it.
KIND_OF: Final[dict[type, KindCode]] = {facts: KIND_CODES[kind] for kind, facts in _OF_KIND.items()}
#: The union of all facts, for a decoder.
ANY_FACTS: Final[Any] = reduce(or_, KIND_OF)
#: How a kind, by its code, changes a part.
FOLD_OF: Final[dict[KindCode, Fold]] = {
    KIND_CODES[kind]: row.fold for kind, row in FOLDS.items() if row.fold is not None
}
