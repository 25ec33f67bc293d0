"""How an event changes a part. Every fold commutes, so the order of arrival does not matter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from schemas.money import minor_units
from services.profile.domain import event as seen
from services.profile.domain.belonging import linked
from services.profile.domain.bounds import (
    CATEGORIES_MAX,
    CATEGORY_CHARACTERS_MAX,
    CHANNELS_MAX,
    keep_counts,
    keep_newest,
)
from services.profile.domain.event import Event
from services.profile.domain.ids import order_key
from services.profile.domain.part import (
    BORN,
    CALL_MS,
    CES_ANSWERS,
    CES_MILLI,
    CSAT_ANSWERS,
    CSAT_MILLI,
    FIRST,
    LAST,
    Answer,
    Complaint,
    Count,
    Order,
    Part,
    Received,
    Said,
)

Fold = Callable[[Part, Event, Any], None]


def fold(part: Part, event: Event) -> None:
    """Add one event to a part, in place."""
    at = event.at
    span = part.seen
    if at < span[FIRST]:
        span[FIRST] = at
    if at > span[LAST]:
        span[LAST] = at
    if event.received < span[BORN]:
        span[BORN] = event.received
    kind = event.kind
    part.kinds[kind] = counted(part.kinds.get(kind), at)
    if event.channel:
        _count_channel(part.channels, event.channel, at)
    add = FOLDS.get(type(event.facts))
    if add is not None:
        add(part, event, event.facts)


def counted(count: Count | None, at: datetime, times: int = 1) -> Count:
    """The count with so many more, the last of them at that moment."""
    if count is None:
        return times, at
    before, newest = count
    return before + times, at if at > newest else newest


def _count_channel(channels: dict[str, Count], channel: str, at: datetime) -> None:
    count = channels.get(channel)
    channels[channel] = counted(count, at)
    if count is None:
        keep_counts(channels, CHANNELS_MAX)


def _count_category(part: Part, category: str | None) -> None:
    if category:
        category = category[:CATEGORY_CHARACTERS_MAX]
        part.categories[category] = part.categories.get(category, 0) + 1
        keep_counts(part.categories, CATEGORIES_MAX)


def _add(sums: dict[int, int], key: int, amount: int) -> None:
    sums[key] = sums.get(key, 0) + amount


def _viewed(part: Part, event: Event, facts: seen.Viewed) -> None:
    _count_category(part, facts.category)


def _ordered(part: Part, event: Event, facts: seen.Ordered) -> None:
    currency = facts.total.currency
    units = minor_units(facts.total.amount, currency)
    order = Order(event.at, event.stamp, units, currency)
    key = order_key(facts.order_id)
    known = part.orders.get(key)
    if known is None or order > known:
        part.orders[key] = order
    for line in facts.lines:
        _count_category(part, line.category)


def _refunded(part: Part, event: Event, facts: seen.Refunded) -> None:
    currency = facts.total.currency
    units = minor_units(facts.total.amount, currency)
    part.refunds[currency] = part.refunds.get(currency, 0) + units


def _called(part: Part, event: Event, facts: seen.Called) -> None:
    _add(part.sums, CALL_MS, round(facts.duration_s * 1000))


def _complained(part: Part, event: Event, facts: seen.Complained) -> None:
    received = Received(event.at, event.event_id, facts.severity, facts.category)
    add_complaint(part.complaints, facts.complaint_id, Complaint(received, None))


def _handled(part: Part, event: Event, facts: seen.Handled) -> None:
    add_complaint(part.complaints, facts.complaint_id, Complaint(None, event.at))


def add_complaint(complaints: dict[str, Complaint], complaint_id: str, news: Complaint) -> None:
    """Received at its earliest, handled at its latest, whichever comes first."""
    known = complaints.get(complaint_id)
    if known is None:
        complaints[complaint_id] = news
        return
    received = [one for one in (known.received, news.received) if one is not None]
    handled = [one for one in (known.handled, news.handled) if one is not None]
    complaints[complaint_id] = Complaint(min(received, default=None), max(handled, default=None))


def _surveyed(part: Part, event: Event, facts: seen.Surveyed) -> None:
    if facts.survey == "nps":
        answer = Answer(event.at, event.stamp, facts.score)
        part.answers["nps"] = max(answer, part.answers.get("nps", answer))
    elif facts.survey == "csat":
        _add(part.sums, CSAT_MILLI, round(facts.score * 1000))
        _add(part.sums, CSAT_ANSWERS, 1)
    elif facts.survey == "ces":
        _add(part.sums, CES_MILLI, round(facts.score * 1000))
        _add(part.sums, CES_ANSWERS, 1)


def _identified(part: Part, event: Event, facts: seen.Identified) -> None:
    traits = part.traits
    for name, value in facts.traits.items():
        said = Said(event.at, event.stamp, event.source, bytes(value))
        known = traits.get(name)
        if known is None or said > known:
            traits[name] = said
    keep_newest(traits)


def _linked(part: Part, event: Event, facts: seen.Linked) -> None:
    linked(part.accounts, event, facts)


FOLDS: Final[dict[type, Fold]] = {
    seen.PageViewed: _viewed,
    seen.ProductViewed: _viewed,
    seen.Ordered: _ordered,
    seen.Refunded: _refunded,
    seen.Called: _called,
    seen.Complained: _complained,
    seen.Handled: _handled,
    seen.Surveyed: _surveyed,
    seen.Identified: _identified,
    seen.Linked: _linked,
}
