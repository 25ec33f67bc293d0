"""Sales: leads, open opportunities and what they weigh, contracts, the owner."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from schemas.money import from_minor
from services.profile.domain.folds.sales import OPEN, WON, renewal_due
from services.profile.domain.history import DEALS
from services.profile.domain.part import KIND_CODES, OWNER, QUOTED, Part
from services.profile.domain.states import Case, Contract, Deal, Lead, Purse
from services.profile.sections.spelling import day, money, purse

_QUOTES, _TASKS = KIND_CODES["quote_sent"], KIND_CODES["task_completed"]


class ShownLead(msgspec.Struct, gc=False, omit_defaults=True):
    captured_at: datetime
    lead_id: str | None = None
    source: str | None = None
    owner: str | None = None
    qualified: bool | None = None


class Opportunity(msgspec.Struct, gc=False, omit_defaults=True):
    opportunity_id: str
    opened_at: datetime
    name: str | None = None
    stage: str | None = None
    stage_since: datetime | None = None
    amount: str | None = None
    currency: str | None = None
    probability: float | None = None
    expected_close: date | None = None


class ShownContract(msgspec.Struct, gc=False, omit_defaults=True):
    contract_id: str
    signed_at: datetime | None = None
    value: str | None = None
    currency: str | None = None
    ends_on: date | None = None
    renewal_due_on: date | None = None


class Sales(msgspec.Struct, gc=False, omit_defaults=True):
    owner: str | None = None
    leads: list[ShownLead] = []
    open_opportunities: list[Opportunity] = []
    pipeline: dict[str, str] = {}
    weighted_pipeline: dict[str, str] = {}
    opportunities_won: int = 0
    opportunities_lost: int = 0
    won: dict[str, str] = {}
    quotes: int = 0
    quoted: dict[str, str] = {}
    contracts: list[ShownContract] = []
    tasks_completed: int = 0


def sales(part: Part) -> Sales | msgspec.UnsetType:
    quotes, tasks = part.kinds.get(_QUOTES), part.kinds.get(_TASKS)
    past = part.past[0].cases.get(DEALS, {}) if part.past else {}
    known = part.leads or part.deals or part.contracts or OWNER in part.words
    if not (known or quotes or tasks or past):
        return msgspec.UNSET
    shown = Sales(part.words[OWNER].text if OWNER in part.words else None)
    shown.leads = [_lead(name, part.leads[name]) for name in sorted(part.leads)]
    shown.contracts = [_contract(name, part.contracts[name]) for name in sorted(part.contracts)]
    shown.quotes, shown.tasks_completed = quotes[0] if quotes else 0, tasks[0] if tasks else 0
    shown.quoted = purse(part.money.get(QUOTED, {}))
    if part.deals or past:
        _show_deals(shown, part.deals, past)
    return shown


def _lead(lead_id: str, one: Lead) -> ShownLead:
    return ShownLead(
        one.first,
        lead_id or None,
        one.source.text if one.source else None,
        one.owner.text if one.owner else None,
        bool(one.qualified.value) if one.qualified else None,
    )


def _contract(contract_id: str, one: Contract) -> ShownContract:
    shown = ShownContract(contract_id, renewal_due_on=day(renewal_due(one)))
    if one.signed is not None:
        shown.signed_at, shown.ends_on = one.signed.at, day(one.signed.ends)
        if one.signed.units is not None:
            shown.value = money(one.signed.units, one.signed.currency)
            shown.currency = one.signed.currency
    return shown


def _show_deals(shown: Sales, live: dict[str, Deal], past: dict[bytes, Case]) -> None:
    ended = list(past.values())
    waiting: list[tuple[datetime, str]] = []
    pipeline: Purse = {}
    weighted: Purse = {}
    for opportunity_id, one in live.items():
        amount = one.amount
        if one.outcome.value != OPEN:
            ended.append((one.outcome.value, *(amount[2:] if amount else ())))
            continue
        waiting.append((one.first, opportunity_id))
        if amount is not None:
            pipeline[amount.currency] = pipeline.get(amount.currency, 0) + amount.units
            if one.probability is not None:
                more = amount.units * one.probability.value
                weighted[amount.currency] = weighted.get(amount.currency, 0) + more
    won = [case[1:] for case in ended if case[0] == WON]
    shown.opportunities_won, shown.opportunities_lost = len(won), len(ended) - len(won)
    shown.won = purse(_total(won))
    shown.pipeline = purse(pipeline)
    shown.weighted_pipeline = {
        currency: str(from_minor(milli, currency).scaleb(-3))
        for currency, milli in weighted.items()
    }
    shown.open_opportunities = [_opportunity(name, live[name]) for _, name in sorted(waiting)]


def _total(amounts: list[Case]) -> Purse:
    """Of (units, currency) pairs; empty ones say nothing."""
    total: Purse = {}
    for amount in amounts:
        if amount:
            units, currency = amount
            total[str(currency)] = total.get(str(currency), 0) + int(units)
    return total


def _opportunity(opportunity_id: str, one: Deal) -> Opportunity:
    shown = Opportunity(opportunity_id, one.first, expected_close=None)
    shown.name = one.name.text if one.name else None
    if one.stage is not None:
        shown.stage, shown.stage_since = one.stage.text, one.stage.at
    if one.amount is not None:
        shown.amount, shown.currency = (
            money(one.amount.units, one.amount.currency),
            one.amount.currency,
        )
    if one.probability is not None:
        shown.probability = one.probability.value / 1000
    shown.expected_close = day(one.close.value) if one.close else None
    return shown
