"""Marketing: what messages cost and brought, and which the customer wants no more.

How many were sent, delivered, opened, clicked and converted are counts by kind.
"""

from __future__ import annotations

from services.profile.domain.bounds import (
    CATEGORY_CHARACTERS_MAX,
    UNSUBSCRIBED_MAX,
    keep_counts,
)
from services.profile.domain.commuting import add, add_purses, units_of
from services.profile.domain.event import Event
from services.profile.domain.folds.facts import Facts, Money
from services.profile.domain.part import CAMPAIGN_COST, CONVERTED, Part


class Cost(Facts, gc=False):
    cost: Money | None = None


class Converted(Facts, gc=False):
    value: Money | None = None


class Left(Facts, gc=False):
    channel: str | None = None
    list_id: str | None = None


def cost(part: Part, event: Event, facts: Cost) -> None:
    if facts.cost is not None:
        _add_money(part, CAMPAIGN_COST, facts.cost)


def converted(part: Part, event: Event, facts: Converted) -> None:
    if facts.value is not None:
        _add_money(part, CONVERTED, facts.value)


def _add_money(part: Part, key: int, money: Money) -> None:
    add(part.money.setdefault(key, {}), money.currency, units_of(money))


def left(part: Part, event: Event, facts: Left) -> None:
    """`email`, or `email/news` where only a list is meant."""
    channel = facts.channel or event.channel or "all"
    name = f"{channel}/{facts.list_id}" if facts.list_id else channel
    name = name[:CATEGORY_CHARACTERS_MAX]
    part.unsubscribed[name] = max(event.at, part.unsubscribed.get(name, event.at))
    keep_counts(part.unsubscribed, UNSUBSCRIBED_MAX)


def join(whole: Part, part: Part) -> None:
    add_purses(whole.money, part.money)
    for name, at in part.unsubscribed.items():
        whole.unsubscribed[name] = max(at, whole.unsubscribed.get(name, at))


def bound(whole: Part) -> None:
    keep_counts(whole.unsubscribed, UNSUBSCRIBED_MAX)
