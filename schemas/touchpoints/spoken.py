"""What others call our kinds and their fields: Segment's specifications, and usual systems.

Any event is also known by its kind's own name, in any usual spelling ("Ticket Opened",
ticket_opened). Documentation lists both tables; ingest reads by them.
Source: Segment's specifications of e-commerce, e-mail and B2B SaaS events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Event(NamedTuple):
    """The kind that an event is of, and what its name alone says."""

    kind: str
    says: Mapping[str, Any] = {}


#: Names of Segment's that are not those of our kinds. Those without a kind are custom.
EVENTS: Final[dict[str, Event]] = {
    # e-commerce
    "Products Searched": Event("searched"),
    "Product Added": Event("cart_updated", {"action": "added"}),
    "Product Removed": Event("cart_updated", {"action": "removed"}),
    "Wishlist Product Added to Cart": Event("cart_updated", {"action": "added"}),
    "Order Updated": Event("order_completed"),  # of one order_id the newest counts
    "Order Canceled": Event("order_cancelled"),
    "Product Reviewed": Event("review_posted"),
    "Product Shared": Event("resource_shared"),
    "Cart Shared": Event("resource_shared"),
    # e-mail
    "Email Delivered": Event("campaign_delivered", {"channel": "email"}),
    "Email Opened": Event("campaign_opened", {"channel": "email"}),
    "Email Link Clicked": Event("campaign_clicked", {"channel": "email"}),
    "Email Marked as Spam": Event("unsubscribed", {"channel": "email", "reason": "marked as spam"}),
    # B2B SaaS
    "Signed Up": Event("membership_joined"),
    "Invite Sent": Event("customer_referred"),
}

#: Field -> its other names, in every kind that has the field. The first one that is sent counts.
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "agent": ("agent_id",),
    "campaign": ("campaign_name", "campaign_id"),
    "cart_id": ("cartId",),
    "contract_id": ("contractId",),
    "days_overdue": ("daysOverdue",),
    "due_on": ("due_date",),
    "duration_s": ("duration",),
    "expected_close": ("close_date",),
    "first_contact_resolved": ("fcr",),
    "invoice_id": ("invoiceId",),
    "lead_id": ("leadId",),
    "lines": ("products",),
    "list_id": ("list_name",),
    "message": ("message_id", "email_id"),
    "opportunity_id": ("opportunityId", "deal_id"),
    "order_id": ("orderId",),
    "owner": ("owner_id",),
    "previous_stage": ("from_stage",),
    "programme": ("program",),
    "sku": ("product_id", "productId"),
    "store": ("store_id",),
    "subject": ("email_subject",),
    "survey": ("survey_type",),
    "ticket_id": ("ticketId",),
    "complaint_id": ("complaintId",),
}

#: Kind -> field -> its other names in this kind alone, after those above.
FIELDS_OF: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "product_viewed": {"sku": ("id",)},
    "searched": {"query": ("search_term",), "results": ("results_count",)},
    "cart_updated": {"value": ("cart_value",)},
    "checkout_started": {"value": ("total", "revenue")},
    "order_completed": {"total": ("revenue", "value")},
    "order_refunded": {"total": ("revenue", "value")},
    "order_cancelled": {"total": ("revenue", "value")},
    "return_requested": {"total": ("revenue", "value")},
    "payment_made": {"amount": ("total", "value"), "method": ("payment_method",)},
    "payment_overdue": {"amount": ("total", "value")},
    "ticket_opened": {"ticket_id": ("id",)},
    "ticket_assigned": {"ticket_id": ("id",), "agent": ("assignee",)},
    "ticket_answered": {"ticket_id": ("id",), "article": ("article_id",)},
    "ticket_resolved": {"ticket_id": ("id",), "article": ("article_id",)},
    "ticket_closed": {"ticket_id": ("id",)},
    "ticket_reopened": {"ticket_id": ("id",)},
    "complaint_received": {"complaint_id": ("id",)},
    "complaint_classified": {"complaint_id": ("id",)},
    "complaint_investigated": {"complaint_id": ("id",)},
    "complaint_handled": {"complaint_id": ("id",)},
    "complaint_fed_back": {"complaint_id": ("id",)},
    "complaint_archived": {"complaint_id": ("id",)},
    "survey_answered": {"score": ("rating",), "text": ("comment",)},
    "review_posted": {
        "product": ("sku", "product_id"),
        "text": ("review_body", "body"),
        "title": ("review_title",),
    },
    "suggestion_made": {"text": ("suggestion",)},
    "feedback_given": {"text": ("feedback", "comment"), "score": ("rating",)},
    "campaign_clicked": {"url": ("link_url",), "link": ("link_id",)},
    "campaign_converted": {"value": ("total", "revenue")},
    "quote_sent": {"total": ("value", "amount")},
    "contract_signed": {"value": ("amount", "total")},
    "contract_renewal_due": {"value": ("amount", "total"), "due_on": ("renewal_date",)},
    "customer_referred": {
        "referred": ("referred_email", "referred_id", "invitee_email"),
        "referrer": ("referrer_email", "referrer_id"),
    },
    "membership_joined": {"source": ("type",)},
    "points_earned": {"expires_on": ("expiry_date",)},
    "resource_shared": {
        "resource": ("sku", "product_id", "cart_id"),
        "network": ("share_via",),
        "text": ("share_message",),
    },
}


def names_of(kind: str, field: str) -> tuple[str, ...]:
    """All that a field of this kind is called, its own name first."""
    return field, *FIELDS.get(field, ()), *FIELDS_OF.get(kind, {}).get(field, ())
