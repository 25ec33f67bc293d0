"""The accounts that must come out of everybody's newest snapshot: slow, obvious, from scratch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from schemas.account import Account
from schemas.profile import AccountMembership, AccountTrait, Profile

Facts = dict[str, Any]


def accounts_of(
    profiles: Iterable[Profile], currency: str, listed_max: int = 64
) -> dict[str, Facts]:
    """Account id -> the facts of schemas.account.Account, without ids and versions.

    Members are listed while so many people at most belong or belonged to it.
    """
    people = list(profiles)
    ids = {one.account_id for person in people for one in person.memberships}
    found = {one: _account(one, people, currency, listed_max) for one in sorted(ids)}
    return {one: facts for one, facts in found.items() if facts is not None}


def facts_of_account(account: Account) -> Facts:
    """A published account in the form of `accounts_of`."""
    facts = account.model_dump(
        exclude={"workspace", "account_profile_id", "version", "updated_at", "gone"}
    )
    facts["member_profile_ids"] = set(facts["member_profile_ids"])
    return facts


def _account(
    account_id: str, people: list[Profile], currency: str, listed_max: int
) -> Facts | None:
    said = [(person, one) for person in people for one in person.memberships]
    said = [(person, one) for person, one in said if one.account_id == account_id]
    members = [person for person, one in said if one.since is not None]
    if not members and not any(one.kind or one.traits for _, one in said):
        return None
    kinds = [one.kind for _, one in said if one.kind is not None]
    roles = [one.role for _, one in said if one.since is not None and one.role]
    there = sum(one.since is not None or bool(one.kind or one.traits) for _, one in said)
    return {
        "account_id": account_id,
        "kind": _newest(kinds).value if kinds else "company",
        "traits": _traits([one for _, one in said]),
        "members": len(members),
        "roles": dict(Counter(roles)),
        "tiers": dict(Counter(p.loyalty.tier for p in members if p.loyalty.tier)),
        "member_profile_ids": {one.profile_id for one in members} if there <= listed_max else set(),
        "first_seen_at": min((p.first_seen_at for p in members if p.first_seen_at), default=None),
        "last_seen_at": max((p.last_seen_at for p in members if p.last_seen_at), default=None),
        "events": sum(person.behaviour.events for person in members),
        "purchases": _purchases(members, currency),
        "service": _service(members),
        "sales": _sales(members),
    }


def _newest(words: list[AccountTrait]) -> AccountTrait:
    return max(words, key=lambda word: (word.at, word.stamp))


def _traits(memberships: list[AccountMembership]) -> Facts:
    names = {name for one in memberships for name in one.traits}
    newest = {n: _newest([o.traits[n] for o in memberships if n in o.traits]) for n in names}
    return {
        name: {"value": word.value, "source": word.source, "at": word.at}
        for name, word in newest.items()
        if word.value is not None
    }


def _purchases(members: list[Profile], currency: str) -> Facts:
    bought = [person.purchases for person in members]
    assert all(one.currency == currency for one in bought)
    return {
        "orders": sum(one.orders for one in bought),
        "revenue": _sum(one.revenue for one in bought),
        "refunded": _sum(one.refunded for one in bought),
        "currency": currency,
        "last_order_at": max((o.last_order_at for o in bought if o.last_order_at), default=None),
        "other_currencies": _purse(one.other_currencies for one in bought),
        "orders_with_cost": (with_cost := sum(one.orders_with_cost for one in bought)),
        "margin": _sum(one.margin or Decimal(0) for one in bought) if with_cost else None,
        "overdue": _purse(person.payments.overdue for person in members),
    }


def _sales(members: list[Profile]) -> Facts:
    sales = [person.sales for person in members]
    return {
        "open_opportunities": sum(len(one.open_opportunities) for one in sales),
        "opportunities_won": sum(one.opportunities_won for one in sales),
        "pipeline": _purse(one.pipeline for one in sales),
        "weighted_pipeline": _purse(one.weighted_pipeline for one in sales),
        "won": _purse(one.won for one in sales),
    }


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _purse(purses: Iterable[dict[str, Decimal]]) -> dict[str, Decimal]:
    """Money by currency, without what comes to nothing."""
    all_of = list(purses)
    currencies = {name for one in all_of for name in one}
    totals = {name: _sum(one.get(name, Decimal(0)) for one in all_of) for name in currencies}
    return {name: amount for name, amount in totals.items() if amount}


def _service(members: list[Profile]) -> Facts:
    service = [person.service for person in members]
    tickets = [ticket for one in service for ticket in one.open_tickets]
    waiting = [complaint for one in service for complaint in one.open_complaints]
    nps = [one.nps_last for one in service if one.nps_last is not None]
    promoters, detractors = sum(one >= 9 for one in nps), sum(one <= 6 for one in nps)
    answers = sum(one.csat_answers for one in service)
    csat = sum(round((one.csat_mean or 0) * 1000 * one.csat_answers) for one in service)
    return {
        "calls": sum(one.calls for one in service),
        "complaints": sum(one.complaints for one in service),
        "open_complaints": len(waiting),
        "complaining_since": min((one.received_at for one in waiting), default=None),
        "worst_severity": max((one.severity for one in waiting), default=None),
        "csat_answers": answers,
        "csat_mean": csat / 1000 / answers if answers else None,
        "nps_answers": len(nps),
        "nps_promoters": promoters,
        "nps_detractors": detractors,
        "nps": 100 * (promoters - detractors) / len(nps) if nps else None,
        "tickets": sum(one.tickets for one in service),
        "open_tickets": len(tickets),
        "ticket_open_since": min((one.opened_at for one in tickets), default=None),
        "cost_to_serve": _purse(one.cost_to_serve for one in service),
    }
