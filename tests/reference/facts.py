"""What is known of a person by their events: the second half of the reference of profiles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from schemas.base import Message
from schemas.profile_sections import (
    Loyalty,
    Marketing,
    Payments,
    Preferences,
    Purchases,
    Quality,
    Sales,
    Service,
)
from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from services.profile.domain.bounds import (
    CATEGORIES_MAX,
    CATEGORY_CHARACTERS_MAX,
    CHANNELS_MAX,
    TRAITS_MAX,
    lot,
)
from tests.reference import fact_sections as sections
from tests.reference.memberships import accounts_of, memberships_of

Facts = dict[str, Any]


def facts_of_events(events: list[Touchpoint], workspace: Workspace) -> Facts:
    """The facts of schemas.profile.Profile about one person's distinct events."""
    times = [event.occurred_at for event in events]
    traits, behaviour = _traits(events), _behaviour(events)
    return {
        "workspace": workspace.name,
        "traits": traits,
        "accounts": accounts_of(events),
        "memberships": memberships_of(events),
        "first_seen_at": min(times),
        "last_seen_at": max(times),
        "behaviour": behaviour,
        "purchases": _as(Purchases, sections.purchases(events, workspace.currency)),
        "service": _as(Service, sections.service(events)),
        "payments": _as(Payments, sections.payments(events)),
        "sales": _as(Sales, sections.sales(events)),
        "loyalty": _as(Loyalty, sections.loyalty(events)),
        "marketing": _as(Marketing, sections.marketing(events)),
        "consent": sections.consent(events),
        "preferences": _as(Preferences, sections.preferences(events, behaviour["categories"])),
    }


def quality_of(facts: Facts, identifiers: Iterable[tuple[str, str]], refused: int) -> Facts:
    """The section `quality` about facts, the person's identifiers and unsettled refused links."""
    traits, allowed, last = facts["traits"], facts["consent"], facts["last_seen_at"]
    return _as(Quality, sections.quality(list(identifiers), traits, allowed, last, refused))


def _as(section: type[Message], facts: Facts) -> Facts:
    """The facts in the section's own types; nothing may be unknown to it."""
    assert not facts.keys() - section.model_fields.keys()
    return section.model_validate(facts).model_dump()


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
    for event in _of(events, "page_viewed", "product_viewed", "searched", "cart_updated"):
        counts[(event.properties.category or "")[:CATEGORY_CHARACTERS_MAX]] += 1
    for event in _of(events, "order_completed"):
        for line in event.properties.lines:
            counts[(line.category or "")[:CATEGORY_CHARACTERS_MAX]] += 1
    return {name: counts[name] for name in _lowest(counts.keys() - {""}, CATEGORIES_MAX)}
