"""The sections of a profile beside behaviour, from the whole list of events: slow and obvious."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from schemas.money import MINOR_DIGITS
from schemas.touchpoint import Touchpoint
from services.profile.domain.bounds import (
    CATEGORY_CHARACTERS_MAX,
    CONSENTS_MAX,
    DEVICES_MAX,
    PRODUCTS_MAX,
    REFERRED_MAX,
    UNSUBSCRIBED_MAX,
    lot,
)

Facts = dict[str, Any]
Events = list[Any]


def of(events: Iterable[Touchpoint], *kinds: str) -> Events:
    return [event for event in events if event.properties.kind in kinds]


def order(event: Any) -> tuple[datetime, bytes]:
    return event.occurred_at, event.event_id.bytes


def newest(events: Iterable[Any]) -> Any:
    return max(events, key=order, default=None)


def said(events: Iterable[Any], field: str) -> Any:
    """The newest value of a property among the events that say it."""
    found = newest(e for e in events if getattr(e.properties, field, None) not in (None, ""))
    return getattr(found.properties, field) if found else None


def grouped(events: Iterable[Any], name: Callable[[Any], Any]) -> dict[Any, Events]:
    groups: dict[Any, Events] = defaultdict(list)
    for event in events:
        groups[name(event)].append(event)
    return groups


def lowest(names: Iterable[str], most: int) -> list[str]:
    return sorted(names, key=lot)[:most]


def total(amounts: Iterable[Any]) -> dict[str, Decimal]:
    """Sums by currency of everything that is money."""
    sums: dict[str, Decimal] = {}
    for one in amounts:
        if one is not None:
            sums[one.currency] = sums.get(one.currency, Decimal(0)) + to_unit(one)
    return sums


def to_unit(money: Any) -> Decimal:
    """An amount to its currency's smallest unit, halves to even."""
    return Decimal(money.amount).quantize(Decimal(1).scaleb(-MINOR_DIGITS.get(money.currency, 2)))


def mean(values: list[float]) -> float | None:
    return sum(round(v * 1000) for v in values) / 1000 / len(values) if values else None


def favourite(counts: dict[Any, int]) -> Any:
    return min(counts, key=lambda name: (-counts[name], name), default=None)


# -- purchases -------------------------------------------------------------------------------------


def purchases(events: Events, currency: str) -> Facts:
    cancelled = {e.properties.order_id for e in of(events, "order_cancelled")}
    sent = grouped(of(events, "order_completed"), lambda e: e.properties.order_id)
    orders = [newest(those) for name, those in sent.items() if name not in cancelled]
    own = [one for one in orders if one.properties.total.currency == currency]
    days = sorted({one.occurred_at.astimezone(UTC).date() for one in orders})
    others = total(one.properties.total for one in orders if one not in own)
    refunds = [
        e.properties.total
        for e in of(events, "order_refunded")
        if e.properties.order_id not in cancelled
    ]
    costed = [one for one in own if cost_of(one) is not None]
    revenue = sum((to_unit(one.properties.total) for one in own), Decimal(0))
    costs = sum((cost_of(one) or Decimal(0) for one in costed), Decimal(0))
    margin = sum((to_unit(one.properties.total) for one in costed), Decimal(0)) - costs
    digits = Decimal(1).scaleb(-MINOR_DIGITS.get(currency, 2))
    return {
        "orders": len(orders),
        "revenue": revenue,
        "refunded": total(refunds).get(currency, Decimal(0)),
        "currency": currency,
        "purchase_days": len(days),
        "first_day": days[0] if days else None,
        "last_day": days[-1] if days else None,
        "repeat_revenue": sum(
            (to_unit(one.properties.total) for one in own if one.occurred_at.date() != days[0]),
            Decimal(0),
        ),
        "last_order_at": max((one.occurred_at for one in orders), default=None),
        "other_currencies": others,
        "cancelled_orders": len(cancelled),
        "returned_orders": len({e.properties.order_id for e in of(events, "return_requested")}),
        "orders_with_cost": len(costed),
        "cost": costs if costed else None,
        "margin": margin if costed else None,
        "average_order": (revenue / len(own)).quantize(digits) if own else None,
        "average_days_between_orders": (
            (days[-1] - days[0]).days / (len(days) - 1) if len(days) > 1 else None
        ),
    }


def cost_of(event: Any) -> Decimal | None:
    lines = event.properties.lines
    if not lines or any(line.cost is None for line in lines):
        return None
    currency = event.properties.total.currency
    whole = sum((line.quantity * line.cost for line in lines), Decimal(0))
    return whole.quantize(Decimal(1).scaleb(-MINOR_DIGITS.get(currency, 2)))


def payments(events: Events) -> Facts:
    made, late = of(events, "payment_made"), of(events, "payment_overdue")
    bills = grouped(made + late, bill_of)
    stands = [standing(those) for those in bills.values()]
    tardy = [days for days, _ in stands if days]
    overdue = [left for _, left in stands if left is not None]
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for currency, left in overdue:
        sums[currency] += left
    settled = [days for days, left in stands if left is None and days is not None]
    return {
        "payments": len(made),
        "paid": total(e.properties.amount for e in made),
        "bills": len(bills),
        "paid_on_time": settled.count(0),
        "paid_late": len(settled) - settled.count(0),
        "days_late_mean": sum(tardy) / len(tardy) if tardy else None,
        "overdue_bills": len(overdue),
        "overdue": dict(sums),
    }


def bill_of(event: Any) -> tuple[str, str]:
    facts = event.properties
    if facts.invoice_id is not None:
        return "invoice", facts.invoice_id
    if facts.order_id is not None:
        return "order", facts.order_id
    return "alone", str(event.event_id)


def standing(those: Events) -> tuple[int | None, tuple[str, Decimal] | None]:
    """(most days late, what is still overdue)."""
    made, last = of(those, "payment_made"), newest(of(those, "payment_overdue"))
    days = [days_late(e) for e in made]
    known = [one for one in days if one is not None]
    if last is None:
        return max(known, default=None), None
    owed = to_unit(last.properties.amount)
    for e in made:
        same = e.properties.amount.currency == last.properties.amount.currency
        if same and order(e) > order(last):
            owed -= to_unit(e.properties.amount)
    most: int = max([last.properties.days_overdue, *known])
    return most, (last.properties.amount.currency, owed) if owed > 0 else None


def days_late(event: Any) -> int | None:
    facts = event.properties
    if facts.days_overdue is not None:
        return int(facts.days_overdue)
    if facts.due_on is None:
        return None
    return max(0, int((event.occurred_at.date() - facts.due_on).days))


# -- service ---------------------------------------------------------------------------------------

COMPLAINT_STEPS = ("received", "classified", "investigated", "handled", "fed_back", "archived")


def service(events: Events) -> Facts:
    calls = of(events, "call_completed")
    reviews, feedback = of(events, "review_posted"), of(events, "feedback_given")
    feelings = [
        e.properties.sentiment
        for e in of(
            events,
            *("call_completed", "message_received", "meeting_held", "store_visited"),
            *("review_posted", "feedback_given", "social_mentioned"),
        )
        if e.properties.sentiment is not None
    ]
    voices = reviews + feedback + of(events, "suggestion_made")
    rated = [e.properties for e in reviews if e.properties.rating is not None]
    scored = [e.properties for e in feedback if e.properties.score is not None]
    costs = [*ticket_costs(events), *complaint_costs(events)]
    return {
        "calls": len(calls),
        "call_duration_s": sum(round(e.properties.duration_s * 1000) for e in calls) / 1000,
        "cost_to_serve": total(costs),
        "reviews": len(reviews),
        "review_mean": mean([one.rating / one.scale for one in rated]),
        "feedback": len(feedback),
        "feedback_mean": mean([one.score / one.scale for one in scored if one.scale]),
        "suggestions": len(of(events, "suggestion_made")),
        "requirements": sum(bool(e.properties.requirement) for e in voices),
        "sentiments": len(feelings),
        "sentiment_mean": mean(feelings),
        **surveys(events),
        **complaints(events),
        **tickets(events),
    }


def surveys(events: Events) -> Facts:
    asked = {name: answers(events, name) for name in ("csat", "nps", "ces")}
    scores = {name: [e.properties.score for e in those] for name, those in asked.items()}
    last = {n: newest(those).properties.score if those else None for n, those in asked.items()}
    return {
        "csat_answers": len(scores["csat"]),
        "csat_mean": mean(scores["csat"]),
        "csat_last": last["csat"],
        "nps_answers": len(scores["nps"]),
        "nps_mean": mean(scores["nps"]),
        "nps_last": last["nps"],
        "nps_promoters": sum(score >= 9 for score in scores["nps"]),
        "nps_detractors": sum(score <= 6 for score in scores["nps"]),
        "ces_answers": len(scores["ces"]),
        "ces_mean": mean(scores["ces"]),
        "ces_last": last["ces"],
    }


def answers(events: Events, survey: str) -> Events:
    return [e for e in of(events, "survey_answered") if e.properties.survey == survey]


def complaints(events: Events) -> Facts:
    cases = grouped(
        of(events, *(f"complaint_{step}" for step in COMPLAINT_STEPS)),
        lambda e: e.properties.complaint_id,
    )
    known = {name: c for name, c in cases.items() if of(c, "complaint_received")}
    waiting = {name: c for name, c in known.items() if not of(c, "complaint_handled")}
    handled = [
        {"complaint_id": name, "step": step_of(c)[0], "step_since": step_of(c)[1]}
        for name, c in known.items()
        if name not in waiting and not of(c, "complaint_archived")
    ]
    handled.sort(key=lambda one: (one["step_since"], one["complaint_id"]), reverse=True)
    first = {n: min(of(c, "complaint_received"), key=order) for n, c in waiting.items()}
    return {
        "complaints": len(known),
        "complaints_handled": len(known) - len(waiting),
        "complaints_by_step": dict(Counter(step_of(c)[0] for c in known.values())),
        "handled_complaints": handled[:20],
        "open_complaints": [
            open_complaint(name, first[name], waiting[name])
            for name in sorted(waiting, key=lambda name: order(first[name]))
        ],
    }


def step_of(case: Events) -> tuple[str, datetime]:
    for step in reversed(COMPLAINT_STEPS):
        if those := of(case, f"complaint_{step}"):
            return step, (min if step == "received" else max)(e.occurred_at for e in those)
    raise AssertionError("a case has a step")


def open_complaint(name: str, first: Any, case: Events) -> Facts:
    sorted_as = newest(of(case, "complaint_classified"))
    facts: Facts = {"severity": first.properties.severity, "category": first.properties.category}
    for field in facts:
        if sorted_as and getattr(sorted_as.properties, field) is not None:
            facts[field] = getattr(sorted_as.properties, field)
    step, since = step_of(case)
    return facts | {
        "complaint_id": name,
        "received_at": first.occurred_at,
        "event_id": first.event_id,
        "step": step,
        "step_since": None if step == "received" else since,
    }


def complaint_costs(events: Events) -> list[Any]:
    cases = grouped(of(events, "complaint_handled"), lambda e: e.properties.complaint_id)
    return [said(case, "cost") for case in cases.values()]


def ticket_cases(events: Events) -> dict[str, Events]:
    steps = ("opened", "assigned", "answered", "resolved", "closed", "reopened")
    return grouped(
        of(events, *(f"ticket_{step}" for step in steps)), lambda e: e.properties.ticket_id
    )


def ticket_costs(events: Events) -> list[Any]:
    return [said(case, "cost") for case in ticket_cases(events).values()]


def tickets(events: Events) -> Facts:
    cases = ticket_cases(events)
    at = {name: newest(c) for name, c in cases.items()}
    step = {name: one.properties.kind.removeprefix("ticket_") for name, one in at.items()}
    first = {name: min(e.occurred_at for e in c) for name, c in cases.items()}
    waiting = [name for name in cases if step[name] not in ("resolved", "closed")]
    once = [said(of(c, "ticket_resolved"), "first_contact_resolved") for c in cases.values()]
    shown = []
    for name in sorted(waiting, key=lambda name: (first[name], name)):
        opened = newest(of(cases[name], "ticket_opened"))
        shown.append(
            {
                "ticket_id": name,
                "opened_at": first[name],
                "priority": opened.properties.priority if opened else None,
                "category": opened.properties.category if opened else None,
                "step": step[name],
                "step_since": at[name].occurred_at,
                "reopened": len(of(cases[name], "ticket_reopened")),
            }
        )
    return {
        "tickets": len(cases),
        "open_tickets": shown,
        "tickets_reopened": len(of(events, "ticket_reopened")),
        "first_contact_resolved": sum(one is True for one in once),
        "first_contact_known": sum(one is not None for one in once),
    }


# -- sales -----------------------------------------------------------------------------------------

OWNED = (
    *("lead_captured", "lead_assigned", "lead_qualified", "opportunity_opened"),
    *("opportunity_stage_changed", "opportunity_won", "opportunity_lost", "quote_sent"),
    *("contract_signed", "contract_renewal_due", "task_completed"),
)


def sales(events: Events) -> Facts:
    leads = grouped(
        of(events, "lead_captured", "lead_assigned", "lead_qualified"),
        lambda e: e.properties.lead_id or "",
    )
    contracts = grouped(
        of(events, "contract_signed", "contract_renewal_due"), lambda e: e.properties.contract_id
    )
    quotes = of(events, "quote_sent")
    return {
        "owner": said(of(events, *OWNED), "owner"),
        "leads": [lead(name, leads[name]) for name in sorted(leads)],
        "quotes": len(quotes),
        "quoted": total(e.properties.total for e in quotes),
        "contracts": [contract(name, contracts[name]) for name in sorted(contracts)],
        "tasks_completed": len(of(events, "task_completed")),
        **opportunities(events),
    }


def lead(name: str, those: Events) -> Facts:
    verdict = newest(of(those, "lead_qualified"))
    return {
        "lead_id": name or None,
        "captured_at": min(e.occurred_at for e in those),
        "source": said(those, "source"),
        "owner": said(those, "owner"),
        "qualified": verdict.properties.qualified if verdict else None,
    }


def contract(name: str, those: Events) -> Facts:
    signed = newest(of(those, "contract_signed"))
    due = newest(of(those, "contract_renewal_due"))
    open_due = due and not (signed and order(signed) > order(due))
    value = signed.properties.value if signed else None
    return {
        "contract_id": name,
        "signed_at": signed.occurred_at if signed else None,
        "value": to_unit(value) if value else None,
        "currency": value.currency if value else None,
        "ends_on": signed.properties.ends_on if signed else None,
        "renewal_due_on": due.properties.due_on if open_due else None,
    }


def opportunities(events: Events) -> Facts:
    steps = ("opened", "stage_changed", "won", "lost")
    deals = grouped(
        of(events, *(f"opportunity_{step}" for step in steps)),
        lambda e: e.properties.opportunity_id,
    )
    outcome = {name: newest(those).properties.kind for name, those in deals.items()}
    won = [name for name in deals if outcome[name] == "opportunity_won"]
    lost = [name for name in deals if outcome[name] == "opportunity_lost"]
    first = {name: min(e.occurred_at for e in those) for name, those in deals.items()}
    waiting = sorted(deals.keys() - set(won) - set(lost), key=lambda name: (first[name], name))
    weighted: dict[str, Decimal] = defaultdict(Decimal)
    for name in waiting:
        amount, chance = said(deals[name], "amount"), chance_of(deals[name])
        if amount is not None and chance is not None:
            weighted[amount.currency] += to_unit(amount) * Decimal(chance) / 1000
    return {
        "open_opportunities": [opportunity(name, deals[name], first[name]) for name in waiting],
        "pipeline": total(said(deals[name], "amount") for name in waiting),
        "weighted_pipeline": dict(weighted),
        "opportunities_won": len(won),
        "opportunities_lost": len(lost),
        "won": total(said(deals[name], "amount") for name in won),
    }


def chance_of(those: Events) -> int | None:
    chance = said(those, "probability")
    return None if chance is None else round(chance * 1000)


def opportunity(name: str, those: Events, first: datetime) -> Facts:
    amount, chance = said(those, "amount"), chance_of(those)
    staged = newest(e for e in those if e.properties.stage)
    return {
        "opportunity_id": name,
        "name": said(those, "name"),
        "opened_at": first,
        "stage": said(those, "stage"),
        "stage_since": staged.occurred_at if staged else None,
        "amount": to_unit(amount) if amount else None,
        "currency": amount.currency if amount else None,
        "probability": None if chance is None else chance / 1000,
        "expected_close": said(those, "expected_close"),
    }


# -- relationship, marketing, consent --------------------------------------------------------------


def loyalty(events: Events) -> Facts:
    moves = of(events, "membership_joined", "tier_changed", "points_earned", "points_redeemed")
    programmes = grouped(moves, lambda e: e.properties.programme or "")
    tiered = newest(e for e in moves if getattr(e.properties, "tier", None))
    made = [e for e in of(events, "customer_referred") if e.properties.referred]
    received = [e for e in of(events, "customer_referred") if e.properties.referrer]
    referred = lowest(
        {f"{e.properties.referred.kind}:{e.properties.referred.value}" for e in made}, REFERRED_MAX
    )
    mentions, shares = of(events, "social_mentioned"), of(events, "resource_shared")
    pointed = of(events, "points_earned", "points_redeemed")
    return {
        "tier": tiered.properties.tier if tiered else None,
        "tier_since": tiered.occurred_at if tiered else None,
        "points": balance_of(moves)
        if any(to_milli(e.properties.points) for e in pointed)
        else None,
        "programmes": [programme(name, programmes[name]) for name in sorted(programmes)],
        "referrals_made": len(made),
        "referred": [named(one) for one in sorted(referred)],
        "referrals_received": len(received),
        "referred_by": newest(received).properties.referrer.model_dump() if received else None,
        "mentions": len(mentions),
        "mention_reach": sum(e.properties.reach or 0 for e in mentions),
        "shares": len(shares),
        "share_reach": sum(e.properties.reach or 0 for e in shares),
    }


def named(text: str) -> Facts:
    kind, value = text.split(":", 1)
    return {"kind": kind, "value": value}


def milli_points(event: Any) -> Decimal:
    return to_milli(event.properties.points)


def to_milli(points: Decimal) -> Decimal:
    return points.quantize(Decimal("0.001"))


def points_of(those: Events, kind: str) -> Decimal:
    return sum((to_milli(e.properties.points) for e in of(those, kind)), Decimal(0))


def balance_of(those: Events) -> Decimal:
    return points_of(those, "points_earned") - points_of(those, "points_redeemed")


def programme(name: str, those: Events) -> Facts:
    joins = [e.occurred_at for e in of(those, "membership_joined")]
    tiered = newest(e for e in those if getattr(e.properties, "tier", None))
    stated = said(those, "balance")
    return {
        "programme": name or None,
        "joined_at": min(joins, default=None),
        "tier": tiered.properties.tier if tiered else None,
        "tier_since": tiered.occurred_at if tiered else None,
        "earned": points_of(those, "points_earned"),
        "redeemed": points_of(those, "points_redeemed"),
        "balance": balance_of(those),
        "stated_balance": None if stated is None else to_milli(stated),
    }


def marketing(events: Events) -> Facts:
    left = grouped(of(events, "unsubscribed"), left_what)
    steps = ("sent", "delivered", "opened", "clicked", "converted")
    spent = of(events, "campaign_sent", "campaign_cost_booked")
    return {
        **{step: len(of(events, f"campaign_{step}")) for step in steps},
        "conversion_value": total(e.properties.value for e in of(events, "campaign_converted")),
        "cost": total(e.properties.cost for e in spent),
        "unsubscribed": {
            name: max(e.occurred_at for e in left[name]) for name in lowest(left, UNSUBSCRIBED_MAX)
        },
    }


def left_what(event: Any) -> str:
    channel = event.properties.channel or event.channel or "all"
    of_list = f"/{event.properties.list_id}" if event.properties.list_id else ""
    return str(channel + of_list)[:CATEGORY_CHARACTERS_MAX]


def consent(events: Events) -> Facts:
    words: dict[str, Events] = defaultdict(list)
    for event in of(events, "consent_changed"):
        for purpose in event.properties.purposes:
            words[purpose].append(event)
    last = {purpose: newest(those) for purpose, those in words.items()}
    kept = sorted(last, key=lambda purpose: (*order(last[purpose]), purpose))[-CONSENTS_MAX:]
    return {
        purpose: {
            "allowed": last[purpose].properties.purposes[purpose],
            "at": last[purpose].occurred_at,
            "source": last[purpose].properties.source or last[purpose].source,
            "text_version": last[purpose].properties.text_version,
            "expires_on": last[purpose].properties.expires_on,
            "event_id": last[purpose].event_id,
        }
        for purpose in kept
    }


# -- preferences and quality -----------------------------------------------------------------------

COMPANY_ACTS = (
    *("order_refunded", "order_cancelled", "payment_overdue", "call_completed"),
    *("message_received", "meeting_held", "ticket_assigned", "ticket_answered"),
    *("ticket_resolved", "ticket_closed", "complaint_classified", "complaint_investigated"),
    *("complaint_handled", "complaint_fed_back", "complaint_archived", "campaign_sent"),
    *("campaign_delivered", "campaign_converted", "campaign_cost_booked", "lead_assigned"),
    *("lead_qualified", "opportunity_opened", "opportunity_stage_changed", "opportunity_won"),
    *("opportunity_lost", "quote_sent", "contract_signed", "contract_renewal_due"),
    *("task_completed", "customer_referred", "tier_changed", "points_earned", "identified"),
    *("aliased", "account_linked", "profile_merge_requested", "profile_unmerge_requested"),
    "custom",
)


def preferences(events: Events, categories: dict[str, int]) -> Facts:
    acts = [e for e in events if e.properties.kind not in COMPANY_ACTS]
    channels = Counter(e.channel for e in acts if e.channel)
    devices = Counter(device for e in acts if (device := device_of(e.context)))
    products = Counter(sku[:CATEGORY_CHARACTERS_MAX] for e in events for sku in skus(e))
    kept = {name: products[name] for name in lowest(products, PRODUCTS_MAX)}
    return {
        "channel": favourite({n: channels[n] for n in lowest(channels, 20)}),
        "hour": favourite(Counter(e.occurred_at.hour for e in acts)),
        "device": favourite({n: devices[n] for n in lowest(devices, DEVICES_MAX)}),
        "category": favourite(categories),
        "product": favourite(kept),
        "products": kept,
    }


def skus(event: Any) -> list[str]:
    if event.properties.kind == "order_completed":
        return [line.sku for line in event.properties.lines]
    if event.properties.kind in ("product_viewed", "cart_updated"):
        return [event.properties.sku] if event.properties.sku else []
    return []


def device_of(context: Facts) -> str | None:
    agent = context.get("userAgent")
    if isinstance(agent, str) and agent.startswith("Mozilla/"):
        if re.search("iPad|Tablet", agent):
            return "tablet"
        if "Mobi" in agent:
            return "mobile"
        return "tablet" if "Android" in agent else "desktop"
    device = context.get("device")
    kind = device.get("type") if isinstance(device, dict) else None
    return kind.lower()[:40] or None if isinstance(kind, str) else None


def quality(
    identifiers: list[tuple[str, str]], traits: Facts, allowed: Facts, last: datetime, refused: int
) -> Facts:
    kinds = {kind for kind, _ in identifiers}
    there = {
        "user_id": "user_id" in kinds,
        "name": bool(traits.keys() & {"name", "first_name", "firstName", "last_name", "lastName"}),
        "email": "email" in kinds or "email" in traits,
        "phone": "phone" in kinds or "phone" in traits,
        "country": bool(traits.keys() & {"country", "address"}),
        "consent": bool(allowed),
    }
    checks = [(k, v, k) for k, v in identifiers if k in ("email", "phone")]
    checks += [
        (n, traits[n]["value"], f"trait {n}") for n in ("email", "phone", "birthday") if n in traits
    ]
    wrong = [label for form, value, label in checks if not well_formed(form, value)]
    complete = milli(Fraction(sum(there.values()), 6))
    valid = milli(1 - Fraction(len(wrong), len(checks))) if wrong else 1000
    newest_word = max((one["at"] for one in traits.values()), default=None)
    fresh = 0 if newest_word is None else milli(freshness(last - newest_word))
    peace = milli(Fraction(1, 1 + refused))
    return {
        "score": (40 * complete + 20 * valid + 20 * fresh + 20 * peace + 500) // 1000,
        "completeness": complete / 1000,
        "validity": valid / 1000,
        "freshness": fresh / 1000,
        "conflicts": refused,
        "late": 0,
        "missing": [name for name, is_there in there.items() if not is_there],
        "invalid": sorted(set(wrong)),
    }


def milli(share: Fraction) -> int:
    return int(share * 1000)


def freshness(age: timedelta) -> Fraction:
    days = Fraction(age // timedelta(microseconds=1), 86_400_000_000)
    return min(Fraction(1), max(Fraction(0), (730 - days) / 640))


def well_formed(form: str, value: Any) -> bool:
    text = value if isinstance(value, str) else str(value)
    if form == "email":
        return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", text) is not None
    if form == "phone":
        return re.fullmatch(r"\+?[0-9][0-9 ()./-]{5,24}", text) is not None
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
