"""What is known of a person by their events: the second half of the reference of profiles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC
from decimal import Decimal
from typing import Any

from schemas.base import micros
from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from services.profile.domain.bounds import (
    CATEGORIES_MAX,
    CATEGORY_CHARACTERS_MAX,
    CHANNELS_MAX,
    TRAITS_MAX,
    lot,
)
from tests.reference.memberships import accounts_of, memberships_of

Facts = dict[str, Any]


def facts_of_events(events: list[Touchpoint], workspace: Workspace) -> Facts:
    """The facts of schemas.profile.Profile about one person's distinct events."""
    times = [event.occurred_at for event in events]
    return {
        "workspace": workspace.name,
        "traits": _traits(events),
        "accounts": accounts_of(events),
        "memberships": memberships_of(events),
        "first_seen_at": min(times),
        "last_seen_at": max(times),
        "behaviour": _behaviour(events),
        "purchases": _purchases(events, workspace.currency),
        "service": _service(events),
    }


def _of(events: list[Touchpoint], *kinds: str) -> list[Any]:
    return [event for event in events if event.properties.kind in kinds]


def _lowest(names: Iterable[str], most: int) -> list[str]:
    return sorted(names, key=lot)[:most]


def _newest(events: Iterable[Any]) -> Any:
    return max(events, key=lambda event: (event.occurred_at, event.event_id.bytes))


def _traits(events: list[Touchpoint]) -> Facts:
    said: dict[str, list[Any]] = defaultdict(list)
    for event in _of(events, "identified"):
        for name in event.properties.traits:
            said[name].append(event)
    last = {name: _newest(those) for name, those in said.items()}
    kept = sorted(last, key=lambda name: (last[name].occurred_at, last[name].event_id.bytes, name))
    return {
        name: {
            "value": last[name].properties.traits[name],
            "source": last[name].source,
            "at": last[name].occurred_at,
        }
        for name in kept[-TRAITS_MAX:]
        if last[name].properties.traits[name] is not None
    }


def _behaviour(events: list[Touchpoint]) -> Facts:
    by_kind = _grouped(events, lambda event: event.properties.kind)
    by_channel = _grouped(events, lambda event: event.channel or "")
    channels = _lowest(by_channel.keys() - {""}, CHANNELS_MAX)
    last_at = {kind: max(e.occurred_at for e in those) for kind, those in by_kind.items()}
    for channel in channels:
        last_at[f"channel:{channel}"] = max(e.occurred_at for e in by_channel[channel])
    return {
        "events": len(events),
        "by_kind": {kind: len(those) for kind, those in by_kind.items()},
        "by_channel": {channel: len(by_channel[channel]) for channel in channels},
        "last_at": last_at,
        "categories": _categories(events),
    }


def _grouped(
    events: list[Touchpoint], name: Callable[[Touchpoint], str]
) -> dict[str, list[Touchpoint]]:
    groups: dict[str, list[Touchpoint]] = defaultdict(list)
    for event in events:
        groups[name(event)].append(event)
    return groups


def _categories(events: list[Touchpoint]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for event in _of(events, "page_viewed", "product_viewed"):
        counts[(event.properties.category or "")[:CATEGORY_CHARACTERS_MAX]] += 1
    for event in _of(events, "order_completed"):
        for line in event.properties.lines:
            counts[(line.category or "")[:CATEGORY_CHARACTERS_MAX]] += 1
    return {name: counts[name] for name in _lowest(counts.keys() - {""}, CATEGORIES_MAX)}


def _purchases(events: list[Touchpoint], currency: str) -> Facts:
    sent: dict[str, list[Any]] = defaultdict(list)
    for event in _of(events, "order_completed"):
        sent[event.properties.order_id].append(event)
    orders = [_newest(those) for those in sent.values()]
    own = [order for order in orders if order.properties.total.currency == currency]
    days = sorted({order.occurred_at.astimezone(UTC).date() for order in orders})
    others: dict[str, Decimal] = defaultdict(Decimal)
    for order in orders:
        if order not in own:
            others[order.properties.total.currency] += order.properties.total.amount
    refunds = [e.properties.total for e in _of(events, "order_refunded")]
    return {
        "orders": len(orders),
        "revenue": _sum(order.properties.total.amount for order in own),
        "refunded": _sum(one.amount for one in refunds if one.currency == currency),
        "currency": currency,
        "purchase_days": len(days),
        "first_day": days[0] if days else None,
        "last_day": days[-1] if days else None,
        "repeat_revenue": _sum(
            order.properties.total.amount for order in own if order.occurred_at.date() != days[0]
        ),
        "last_order_at": max((order.occurred_at for order in orders), default=None),
        "other_currencies": dict(others),
    }


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _service(events: list[Touchpoint]) -> Facts:
    received = _grouped(_of(events, "complaint_received"), _complaint_id)
    handled = {event.properties.complaint_id for event in _of(events, "complaint_handled")}
    first = {
        name: min(those, key=lambda event: (micros(event.occurred_at), event.event_id.bytes))
        for name, those in received.items()
    }
    waiting = sorted(
        (first[name] for name in first.keys() - handled),
        key=lambda event: (event.occurred_at, event.event_id.bytes),
    )
    calls = _of(events, "call_completed")
    nps = _answers(events, "nps")
    return {
        "calls": len(calls),
        "call_duration_s": sum(round(e.properties.duration_s * 1000) for e in calls) / 1000,
        "complaints": len(first),
        "complaints_handled": len(first.keys() & handled),
        "open_complaints": [_open(event) for event in waiting],
        "csat_answers": len(_answers(events, "csat")),
        "csat_mean": _mean(_answers(events, "csat")),
        "nps_last": _newest(nps).properties.score if nps else None,
        "ces_mean": _mean(_answers(events, "ces")),
    }


def _complaint_id(event: Any) -> str:
    return str(event.properties.complaint_id)


def _open(event: Any) -> Facts:
    return {
        "complaint_id": event.properties.complaint_id,
        "received_at": event.occurred_at,
        "severity": event.properties.severity,
        "category": event.properties.category,
        "event_id": str(event.event_id),
    }


def _answers(events: list[Touchpoint], survey: str) -> list[Any]:
    return [e for e in _of(events, "survey_answered") if e.properties.survey == survey]


def _mean(answers: list[Any]) -> float | None:
    if not answers:
        return None
    total = sum(round(e.properties.score * 1000) for e in answers)
    return float(total / 1000 / len(answers))
