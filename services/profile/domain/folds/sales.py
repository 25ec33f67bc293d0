"""Sales: leads, opportunities, quotes, contracts, tasks, and who owns the customer."""

from __future__ import annotations

from datetime import date

from services.profile.domain.commuting import add, keep_largest, milli, newer, units_of
from services.profile.domain.event import Event
from services.profile.domain.folds.facts import Facts, Money
from services.profile.domain.history import DEALS, is_past
from services.profile.domain.part import OWNER, QUOTED, Part
from services.profile.domain.states import Amount, Contract, Deal, Lead, Number, Signed, Word

#: Outcomes of an opportunity: its newest step by (time, event id) says.
OPEN, WON, LOST = range(3)


class Captured(Facts, gc=False):
    lead_id: str | None = None
    source: str | None = None
    owner: str | None = None


class Qualified(Facts, gc=False):
    lead_id: str | None = None
    source: str | None = None
    owner: str | None = None
    qualified: bool = True


class Moved(Facts, gc=False):
    """Any step of an opportunity."""

    opportunity_id: str
    name: str | None = None
    owner: str | None = None
    stage: str | None = None
    amount: Money | None = None
    probability: float | None = None
    expected_close: date | None = None


class Quoted(Facts, gc=False):
    total: Money | None = None
    owner: str | None = None


class Contracted(Facts, gc=False):
    contract_id: str
    value: Money | None = None
    ends_on: date | None = None
    owner: str | None = None


class Due(Facts, gc=False):
    contract_id: str
    due_on: date
    owner: str | None = None


class Owned(Facts, gc=False):
    owner: str | None = None


def _word(event: Event, text: str | None) -> Word | None:
    return Word(event.at, event.stamp, text) if text else None


def _number(event: Event, value: int | None) -> Number | None:
    return Number(event.at, event.stamp, value) if value is not None else None


def _amount(event: Event, money: Money | None) -> Amount | None:
    if money is None:
        return None
    return Amount(event.at, event.stamp, units_of(money), money.currency)


def owned(part: Part, event: Event, facts: Owned) -> None:
    _own(part, event, facts.owner)


def _own(part: Part, event: Event, owner: str | None) -> None:
    """The newest word on who of the company owns a lead, a deal, ... of the customer."""
    word = _word(event, owner)
    if word is not None:
        part.words[OWNER] = max(word, part.words.get(OWNER, word))


def captured(part: Part, event: Event, facts: Captured) -> None:
    lead = Lead(event.at, _word(event, facts.source), _word(event, facts.owner))
    add_lead(part.leads, facts.lead_id or "", lead)
    _own(part, event, facts.owner)


def qualified(part: Part, event: Event, facts: Qualified) -> None:
    source, owner = _word(event, facts.source), _word(event, facts.owner)
    lead = Lead(event.at, source, owner, _number(event, int(facts.qualified)))
    add_lead(part.leads, facts.lead_id or "", lead)
    _own(part, event, facts.owner)


def add_lead(leads: dict[str, Lead], lead_id: str, news: Lead) -> None:
    """Leads without a number are one lead: the person."""
    known = leads.get(lead_id)
    if known is not None:
        news = Lead(
            min(known.first, news.first),
            newer(known.source, news.source),
            newer(known.owner, news.owner),
            newer(known.qualified, news.qualified),
        )
    leads[lead_id] = news


def moved(part: Part, event: Event, facts: Moved) -> None:
    _move(part, event, facts, OPEN)


def won(part: Part, event: Event, facts: Moved) -> None:
    _move(part, event, facts, WON)


def lost(part: Part, event: Event, facts: Moved) -> None:
    _move(part, event, facts, LOST)


def _move(part: Part, event: Event, facts: Moved, outcome: int) -> None:
    _own(part, event, facts.owner)
    if part.past and is_past(part.past, DEALS, facts.opportunity_id):
        return
    chance, close = facts.probability, facts.expected_close
    deal = Deal(
        event.at,
        Number(event.at, event.stamp, outcome),
        _word(event, facts.name),
        _word(event, facts.stage),
        _amount(event, facts.amount),
        _number(event, None if chance is None else milli(chance)),
        _number(event, None if close is None else close.toordinal()),
    )
    add_deal(part.deals, facts.opportunity_id, deal)


def add_deal(deals: dict[str, Deal], opportunity_id: str, news: Deal) -> None:
    """What a step leaves out is as it was said before."""
    known = deals.get(opportunity_id)
    if known is not None:
        news = Deal(
            min(known.first, news.first),
            max(known.outcome, news.outcome),
            newer(known.name, news.name),
            newer(known.stage, news.stage),
            newer(known.amount, news.amount),
            newer(known.probability, news.probability),
            newer(known.close, news.close),
        )
    deals[opportunity_id] = news


def quoted(part: Part, event: Event, facts: Quoted) -> None:
    if facts.total is not None:
        add(part.money.setdefault(QUOTED, {}), facts.total.currency, units_of(facts.total))
    _own(part, event, facts.owner)


def contracted(part: Part, event: Event, facts: Contracted) -> None:
    units, currency = (None, "") if facts.value is None else _units_and_currency(facts.value)
    ends = facts.ends_on.toordinal() if facts.ends_on else None
    signed = Signed(event.at, event.stamp, units, currency, ends)
    add_contract(part.contracts, facts.contract_id, Contract(signed))
    _own(part, event, facts.owner)


def _units_and_currency(money: Money) -> tuple[int, str]:
    return units_of(money), money.currency


def due(part: Part, event: Event, facts: Due) -> None:
    day = _number(event, facts.due_on.toordinal())
    add_contract(part.contracts, facts.contract_id, Contract(None, day))
    _own(part, event, facts.owner)


def add_contract(contracts: dict[str, Contract], contract_id: str, news: Contract) -> None:
    known = contracts.get(contract_id)
    if known is not None:
        news = Contract(newer(known.signed, news.signed), newer(known.due, news.due))
    contracts[contract_id] = news


def renewal_due(one: Contract) -> int | None:
    """The day by which it must be renewed; a signature after that word renewed it."""
    if one.due is None or (one.signed is not None and one.signed[:2] > one.due[:2]):
        return None
    return one.due.value


def join(whole: Part, part: Part) -> None:
    for lead_id, lead in part.leads.items():
        add_lead(whole.leads, lead_id, lead)
    for opportunity_id, deal in part.deals.items():
        add_deal(whole.deals, opportunity_id, deal)
    for contract_id, contract in part.contracts.items():
        add_contract(whole.contracts, contract_id, contract)
    keep_largest(whole.words, part.words)
