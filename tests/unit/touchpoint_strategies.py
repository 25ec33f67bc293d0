"""Properties of every kind of touchpoint, of few things, so that histories speak of the same ones.

Values are few and times collide, so that ties, repeats and contradictions occur.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Properties = dict[str, Any]

few = st.sampled_from(["0", "0", "1"])
money = st.builds(
    lambda cents, currency: {"amount": Decimal(cents) / 100, "currency": currency},
    st.integers(0, 100_000),
    st.sampled_from(["USD", "USD", "EUR", "JPY"]),
)
channels = st.sampled_from(["web", "email", "store"])
texts = st.sampled_from(["a", "b"])
days = st.dates(date(2026, 1, 1), date(2026, 1, 12))
shares = st.integers(0, 20).map(lambda twentieths: twentieths / 20)
sentiments = st.floats(-1, 1, allow_nan=False)
points = st.decimals(Decimal("0.001"), Decimal(500), places=3)
people = st.sampled_from(["user_id:u1", "email:friend@x.example", "phone:+4912345"]).map(
    lambda name: dict(zip(("kind", "value"), name.split(":", 1), strict=True))
)
lines = st.lists(
    st.fixed_dictionaries(
        {"sku": few, "quantity": st.sampled_from(["1", "2", "0.5"])},
        optional={"category": texts, "cost": st.sampled_from(["1.005", "3"])},
    ),
    max_size=2,
)


def one(kind: str, always: Properties, sometimes: Properties | None = None) -> Any:
    """Properties of a kind; those in `sometimes` may be left out."""
    return st.fixed_dictionaries({"kind": st.just(kind), **always}, optional=sometimes or {})


browsing = [
    one("page_viewed", {}, {"category": texts}),
    one("product_viewed", {"sku": few}, {"category": texts}),
    one("searched", {"query": texts}, {"category": texts}),
    one("cart_updated", {}, {"sku": few, "category": texts, "lines": lines}),
    one("checkout_started", {}, {"lines": lines}),
]
purchases = [
    one("order_completed", {"order_id": few, "total": money, "lines": lines}),
    one("order_completed", {"order_id": few, "total": money, "lines": lines}),
    one("order_refunded", {"order_id": few, "total": money}),
    one("order_cancelled", {"order_id": few}, {"total": money}),
    one("return_requested", {"order_id": few}),
]
bill = {"order_id": few, "invoice_id": few, "due_on": days}
payments = [
    one("payment_made", {"amount": money}, {**bill, "days_overdue": st.integers(0, 3)}),
    one("payment_overdue", {"amount": money, "days_overdue": st.integers(0, 9)}, bill),
]
contact = [
    one("call_completed", {"duration_s": st.floats(0, 86_400)}, {"sentiment": sentiments}),
    *(one(kind, {}, {"sentiment": sentiments}) for kind in ("message_received", "meeting_held")),
    one("store_visited", {"store": few}, {"sentiment": sentiments}),
]
step = {"ticket_id": few}
tickets = [
    one(
        "ticket_opened",
        {**step, "priority": st.sampled_from(["low", "urgent"])},
        {"category": texts},
    ),
    *(one(f"ticket_{what}", step) for what in ("assigned", "answered", "reopened")),
    one("ticket_resolved", step, {"first_contact_resolved": st.booleans(), "cost": money}),
    one("ticket_closed", step, {"cost": money}),
]
case = {"complaint_id": few}
complaints = [
    one("complaint_received", {**case, "severity": st.integers(1, 4)}, {"category": texts}),
    one("complaint_classified", case, {"severity": st.integers(1, 4), "category": texts}),
    *(one(f"complaint_{what}", case) for what in ("investigated", "fed_back", "archived")),
    one("complaint_handled", case, {"cost": money}),
]
voice = [
    one(
        "survey_answered",
        {"survey": st.sampled_from(["csat", "nps", "ces"]), "score": st.floats(1, 5)},
    ),
    one("survey_answered", {"survey": st.just("nps"), "score": st.integers(0, 10)}),
    one(
        "review_posted",
        {"scale": st.sampled_from([5, 10])},
        {"rating": st.integers(0, 5), "sentiment": sentiments, "requirement": few},
    ),
    one("suggestion_made", {"text": texts}, {"requirement": few}),
    one(
        "feedback_given",
        {},
        {"score": st.integers(0, 5), "scale": st.just(5), "sentiment": sentiments},
    ),
]
campaign = {"campaign": texts, "channel": channels}
marketing = [
    one("campaign_sent", {}, {**campaign, "cost": money}),
    *(one(f"campaign_{what}", {}, campaign) for what in ("delivered", "opened", "clicked")),
    one("campaign_converted", {}, {**campaign, "value": money}),
    one("campaign_cost_booked", {"campaign": texts, "cost": money}),
    one("unsubscribed", {}, {"channel": channels, "list_id": few}),
]
lead = {"lead_id": few, "source": texts, "owner": texts}
deal = {
    "name": texts,
    "owner": texts,
    "stage": texts,
    "amount": money,
    "probability": shares,
    "expected_close": days,
}
sales = [
    one("lead_captured", {}, lead),
    one("lead_assigned", {}, lead),
    one("lead_qualified", {"qualified": st.booleans()}, lead),
    *(
        one(f"opportunity_{what}", {"opportunity_id": few}, deal)
        for what in ("opened", "stage_changed", "won", "lost")
    ),
    one("quote_sent", {"quote_id": few}, {"total": money, "owner": texts}),
    one("contract_signed", {"contract_id": few}, {"value": money, "ends_on": days}),
    one("contract_renewal_due", {"contract_id": few, "due_on": days}, {"owner": texts}),
    one("task_completed", {}, {"owner": texts}),
]
loyalty = [
    one("customer_referred", {}, {"referred": people, "referrer": people}),
    one("membership_joined", {}, {"programme": texts, "tier": texts}),
    one("tier_changed", {"tier": texts}, {"programme": texts}),
    *(
        one(kind, {"points": points}, {"programme": texts, "balance": points})
        for kind in ("points_earned", "points_redeemed")
    ),
    one("social_mentioned", {}, {"reach": st.integers(0, 9), "sentiment": sentiments}),
    one("resource_shared", {}, {"reach": st.integers(0, 9)}),
]
consents = [
    one(
        "consent_changed",
        {"purposes": st.dictionaries(texts, st.booleans(), min_size=1)},
        {"source": texts, "text_version": few, "expires_on": days},
    ),
]
requests = [one(f"profile_{what}_requested", {"other": people}) for what in ("merge", "unmerge")]

#: Properties of all kinds, but those that identity reads and custom ones.
every_kind = st.one_of(
    *browsing,
    *purchases,
    *payments,
    *contact,
    *tickets,
    *complaints,
    *voice,
    *marketing,
    *sales,
    *loyalty,
    *consents,
    *requests,
)
#: How a sender says which device it was, rightly and wrongly.
contexts = st.sampled_from(
    [
        {},
        {"userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17) Mobile/15E148"},
        {"userAgent": "Mozilla/5.0 (X11; Linux x86_64)"},
        {"userAgent": "python-requests/2.32", "device": {"type": "Kiosk"}},
        {"device": "a text", "userAgent": 17},
    ]
)
