"""What a public key may send: only what adds to a history, since anybody can read it in a web page.

Whoever has the key can name anybody. So nothing gets in by it that changes what is there already,
or that only the company's own systems can know; calls that join identifiers do, and profile lets
them join nobody known with anybody known.
"""

from __future__ import annotations

from typing import Any, Final

from schemas.dead_letter import Reason
from services.common.workspace import Identity
from services.ingest.domain.draft import Draft
from services.ingest.domain.refusal import Refusal

_MERGES: Final = "it would make one person of two, or two of one"
_ORDERS: Final = "it would take back what somebody bought"
_PAYMENTS: Final = "it would change what somebody owes, and their credit"
_TICKETS: Final = "it would move somebody's ticket on or close it"
_COMPLAINTS: Final = "it would move somebody's complaint on and stop its clock"
_DEALS: Final = "it would change what the company expects to sell"
_LEADS: Final = "it would change whose lead somebody is, or what it is worth"
_LOYALTY: Final = "it would change somebody's points or tier"
_STAFF: Final = "only the company's own people and systems can tell of it"

#: Kind -> the harm that a stranger could do with it.
REFUSED: Final[dict[str, str]] = {
    "profile_merge_requested": _MERGES,
    "profile_unmerge_requested": _MERGES,
    "order_refunded": _ORDERS,
    "order_cancelled": _ORDERS,
    "payment_made": _PAYMENTS,
    "payment_overdue": _PAYMENTS,
    "ticket_assigned": _TICKETS,
    "ticket_answered": _TICKETS,
    "ticket_resolved": _TICKETS,
    "ticket_closed": _TICKETS,
    "ticket_reopened": _TICKETS,
    "complaint_classified": _COMPLAINTS,
    "complaint_investigated": _COMPLAINTS,
    "complaint_handled": _COMPLAINTS,
    "complaint_fed_back": _COMPLAINTS,
    "complaint_archived": _COMPLAINTS,
    "lead_assigned": _LEADS,
    "lead_qualified": _LEADS,
    "opportunity_opened": _DEALS,
    "opportunity_stage_changed": _DEALS,
    "opportunity_won": _DEALS,
    "opportunity_lost": _DEALS,
    "quote_sent": _DEALS,
    "contract_signed": _DEALS,
    "contract_renewal_due": _DEALS,
    "tier_changed": _LOYALTY,
    "points_earned": _LOYALTY,
    "points_redeemed": _LOYALTY,
    "call_completed": _STAFF,
    "meeting_held": _STAFF,
    "task_completed": _STAFF,
    "campaign_sent": _STAFF,
    "campaign_delivered": _STAFF,
    "campaign_cost_booked": _STAFF,
}

#: Kinds that only add, or that (consent_changed) are judged by what they say.
LET_IN: Final = frozenset(
    {"page_viewed", "product_viewed", "searched", "cart_updated", "checkout_started"}
    | {"order_completed", "return_requested", "message_received", "store_visited"}
    | {"ticket_opened", "complaint_received", "survey_answered", "review_posted"}
    | {"suggestion_made", "feedback_given", "campaign_opened", "campaign_clicked"}
    | {"campaign_converted", "unsubscribed", "lead_captured", "customer_referred"}
    | {"membership_joined", "social_mentioned", "resource_shared", "identified", "aliased"}
    | {"account_linked", "consent_changed", "custom"}
)

_MEND: Final = "send it with a key that is not public, from a server"


class PublicKey:
    """The stage of the door that drafts of a public key go through once they are valid."""

    def __init__(self, identity: Identity) -> None:
        self._strangers = {rule.kind for rule in identity.kinds if not rule.makes_known}
        if not any(rule.kind == "anonymous_id" for rule in identity.kinds):
            self._strangers.add("anonymous_id")

    def __call__(self, draft: Draft) -> Draft | Refusal:
        """The draft, unless a stranger could do harm with it."""
        if draft.kind == "consent_changed":
            return self._consent(draft)
        if draft.kind in LET_IN:
            return draft
        why = REFUSED.get(draft.kind, _STAFF)
        detail = f"a public key can not send {draft.kind}: {why}; {_MEND}"
        return Refusal(Reason.PUBLIC_KEY, detail, "event")

    def _consent(self, draft: Draft) -> Draft | Refusal:
        """A cookie banner asks somebody it does not know; nobody allows in the name of another.
        What is forbidden holds whoever says it."""
        purposes: dict[str, Any] = draft.properties.purposes
        known = any(kind not in self._strangers for kind, _ in draft.identifiers)
        if not known or not any(purposes.values()):
            return draft
        granted = next(purpose for purpose, is_allowed in purposes.items() if is_allowed)
        detail = f"a public key can not allow anything in the name of somebody known; {_MEND}"
        return Refusal(Reason.PUBLIC_KEY, detail, f"purposes.{granted}"[:200])
