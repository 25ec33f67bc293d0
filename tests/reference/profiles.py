"""The profiles that must come out of a list of touchpoints: slow, obvious, one thread, no state.

Written from the design, not from the service: it recomputes everything from the whole list, in
plain dicts and exact fractions. Only the node id, which decides between equal times, is shared.
Not modelled: the bounds on nodes of one component.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from schemas.base import micros
from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from services.profile.domain.bounds import (
    ACCOUNTS_MAX,
    CATEGORIES_MAX,
    CATEGORY_CHARACTERS_MAX,
    CHANNELS_MAX,
    TRAITS_MAX,
    lot,
)
from services.profile.domain.ids import Hashes

Key = tuple[str, str]
Person = frozenset[Key]
Facts = dict[str, Any]


def profiles_of(
    touchpoints: Iterable[Touchpoint], workspace: Workspace, salt: str
) -> dict[Person, Facts]:
    """Identifiers of each person -> the facts of schemas.profile.Profile without ids and versions.

    Facts are plain JSON values, money as Decimal. Further: `profile_id`, as it must be.
    """
    events = distinct(one for one in touchpoints if one.workspace == workspace.name)
    counted = [(_usable(one, workspace), one) for one in events]
    counted = [(keys, one) for keys, one in counted if keys]
    persons, refused = _people(counted, workspace, salt)
    own: dict[Person, list[tuple[Key, Touchpoint]]] = defaultdict(list)
    for keys, event in counted:
        own[persons[keys[0]]].append((keys[0], event))
    return {
        person: _facts([event for _, event in mine], workspace)
        | {
            "identifiers": sorted(person),
            "refused_links": refused[person],
            "profile_id": _profile_id(mine, workspace, salt),
        }
        for person, mine in own.items()
    }


def distinct(touchpoints: Iterable[Touchpoint]) -> list[Touchpoint]:
    """The first of each message id."""
    first: dict[tuple[str, str], Touchpoint] = {}
    for one in touchpoints:
        first.setdefault((one.workspace, one.message_id), one)
    return list(first.values())


def _usable(event: Touchpoint, workspace: Workspace) -> list[Key]:
    blocked = {(rule.kind, value) for rule in workspace.identity.kinds for value in rule.blocked}
    keys = [(one.kind, one.value) for one in event.identifiers]
    return [key for key in keys if key not in blocked]


# -- who is who ------------------------------------------------------------------------------------


def _links(
    counted: list[tuple[list[Key], Touchpoint]], workspace: Workspace
) -> list[tuple[datetime, bytes, Key, Key]]:
    blocked = {(rule.kind, value) for rule in workspace.identity.kinds for value in rule.blocked}
    links = []
    for keys, event in counted:
        others = keys[1:]
        if event.properties.kind == "aliased":
            previous = event.properties.previous
            if (previous.kind, previous.value) not in blocked:
                others = [*others, (previous.kind, previous.value)]
        links += [
            (event.occurred_at, event.event_id.bytes, keys[0], other)
            for other in others
            if other != keys[0]
        ]
    return links


def _people(
    counted: list[tuple[list[Key], Touchpoint]], workspace: Workspace, salt: str
) -> tuple[dict[Key, Person], dict[Person, int]]:
    """(identifier -> person, person -> number of refused pairs)."""
    limits = {rule.kind: rule.limit for rule in workspace.identity.kinds}
    node = Hashes(salt).node
    links = _links(counted, workspace)
    neighbours: dict[Key, set[Key]] = defaultdict(set)
    groups: dict[Key, set[Key]] = {key: {key} for keys, _ in counted for key in keys}
    for _, _, one, other in links:
        neighbours[one].add(other)
        neighbours[other].add(one)
        groups.setdefault(other, {other})
    hubs = {
        key for key, near in neighbours.items() if len(near) > workspace.identity.hub_degree_max
    }

    def order(link: tuple[datetime, bytes, Key, Key]) -> tuple[datetime, bytes, list[bytes]]:
        return link[0], link[1], sorted(node(workspace.name, *key) for key in link[2:])

    refused_pairs = set()
    for _, _, one, other in sorted(links, key=order):
        together = groups[one] | groups[other]
        if one in hubs or other in hubs or groups[one] is groups[other]:
            continue
        kinds = [kind for kind, _ in together]
        if any(kinds.count(kind) > limits.get(kind, 100) for kind in kinds):
            refused_pairs.add(frozenset((one, other)))
            continue
        for key in together:
            groups[key] = together
    persons = {key: frozenset(group) for key, group in groups.items()}
    refused: dict[Person, int] = defaultdict(int)
    for pair in refused_pairs:
        for person in {persons[key] for key in pair}:
            refused[person] += 1
    return persons, refused


def _profile_id(mine: list[tuple[Key, Touchpoint]], workspace: Workspace, salt: str) -> str:
    """The node whose events were received first; then the stronger kind, then the lower id."""
    ranks = {rule.kind: rank for rank, rule in enumerate(workspace.identity.kinds)}
    _, _, node = min(
        (event.received_at, ranks.get(key[0], len(ranks)), Hashes(salt).node(workspace.name, *key))
        for key, event in mine
    )
    digits = node.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


# -- what is known of them -------------------------------------------------------------------------


def _facts(events: list[Touchpoint], workspace: Workspace) -> Facts:
    times = [event.occurred_at for event in events]
    accounts = {e.properties.account_id for e in _of(events, "account_linked")}
    return {
        "workspace": workspace.name,
        "traits": _traits(events),
        "accounts": sorted(_lowest(accounts, ACCOUNTS_MAX)),
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


def facts_of(snapshot: bytes) -> tuple[Person, Facts]:
    """A published snapshot in the form of `profiles_of`, to be compared with it."""
    raw = json.loads(snapshot)
    assert raw["merged_into"] is None, "a redirect has no facts"
    facts = {name: raw[name] for name in _SHOWN}
    facts["identifiers"] = sorted((one["kind"], one["value"]) for one in raw["identifiers"])
    for name in ("first_seen_at", "last_seen_at"):
        facts[name] = _moment(facts[name])
    for trait in facts["traits"].values():
        trait["at"] = _moment(trait["at"])
    last_at = facts["behaviour"]["last_at"]
    facts["behaviour"]["last_at"] = {name: _moment(at) for name, at in last_at.items()}
    for complaint in facts["service"]["open_complaints"]:
        complaint["received_at"] = _moment(complaint["received_at"])
    facts["purchases"] = _typed_purchases(facts["purchases"])
    return frozenset(facts["identifiers"]), facts


_SHOWN = (
    "workspace",
    "profile_id",
    "identifiers",
    "refused_links",
    "traits",
    "accounts",
    "first_seen_at",
    "last_seen_at",
    "behaviour",
    "purchases",
    "service",
)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _typed_purchases(raw: Facts) -> Facts:
    money = {name: Decimal(raw[name]) for name in ("revenue", "refunded", "repeat_revenue")}
    days = {
        name: datetime.fromisoformat(raw[name]).date() if raw[name] else None
        for name in ("first_day", "last_day")
    }
    others = {name: Decimal(amount) for name, amount in raw["other_currencies"].items()}
    last = _moment(raw["last_order_at"]) if raw["last_order_at"] else None
    return raw | money | days | {"other_currencies": others, "last_order_at": last}
