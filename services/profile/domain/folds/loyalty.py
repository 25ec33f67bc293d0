"""Loyalty: programmes with tier and points, who brought whom, what is said of us in public."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final

from services.profile.domain.bounds import REFERRED_MAX, keep_names
from services.profile.domain.commuting import add, earliest, milli_of, newer
from services.profile.domain.event import Event, Name
from services.profile.domain.folds.contact import count_sentiment
from services.profile.domain.folds.facts import Facts
from services.profile.domain.part import (
    KIND_CODES,
    MENTION_REACH,
    REFERRALS_MADE,
    REFERRALS_RECEIVED,
    REFERRER,
    SHARE_REACH,
    KindCode,
    Part,
)
from services.profile.domain.states import Number, Programme, Word


class Joined(Facts, gc=False):
    programme: str | None = None
    tier: str | None = None


class Points(Facts, gc=False):
    points: Decimal
    balance: Decimal | None = None
    programme: str | None = None


class Referred(Facts, gc=False):
    referred: Name | None = None
    referrer: Name | None = None


class Mentioned(Facts, gc=False):
    mentioned: Name | None = None
    reach: int | None = None
    sentiment: float | None = None


class Shared(Facts, gc=False):
    recipient: Name | None = None
    reach: int | None = None


#: The kinds whose facts name another person -> their fields.
NAMING: Final[dict[KindCode, tuple[str, ...]]] = {
    KIND_CODES["customer_referred"]: ("referred", "referrer"),
    KIND_CODES["social_mentioned"]: ("mentioned",),
    KIND_CODES["resource_shared"]: ("recipient",),
}


def joined(part: Part, event: Event, facts: Joined) -> None:
    _add(part, facts.programme, Programme(event.at, _tier(event, facts.tier)))


def tiered(part: Part, event: Event, facts: Joined) -> None:
    _add(part, facts.programme, Programme(None, _tier(event, facts.tier)))


def _tier(event: Event, tier: str | None) -> Word | None:
    return Word(event.at, event.stamp, tier) if tier else None


def earned(part: Part, event: Event, facts: Points) -> None:
    balance = _balance(event, facts)
    _add(part, facts.programme, Programme(earned=milli_of(facts.points), balance=balance))


def redeemed(part: Part, event: Event, facts: Points) -> None:
    balance = _balance(event, facts)
    _add(part, facts.programme, Programme(redeemed=milli_of(facts.points), balance=balance))


def _balance(event: Event, facts: Points) -> Number | None:
    if facts.balance is None:
        return None
    return Number(event.at, event.stamp, milli_of(facts.balance))


def _add(part: Part, programme: str | None, news: Programme) -> None:
    add_programme(part.programmes, programme or "", news)


def add_programme(programmes: dict[str, Programme], name: str, news: Programme) -> None:
    known = programmes.get(name)
    if known is not None:
        news = Programme(
            earliest(known.joined, news.joined),
            newer(known.tier, news.tier),
            known.earned + news.earned,
            known.redeemed + news.redeemed,
            newer(known.balance, news.balance),
        )
    programmes[name] = news


def referred(part: Part, event: Event, facts: Referred) -> None:
    """Seen from the touchpoint's person: whom they brought, or who brought them."""
    if facts.referred is not None:
        add(part.sums, REFERRALS_MADE, 1)
        part.referred.add(f"{facts.referred.kind}:{facts.referred.value}")
        keep_names(part.referred, REFERRED_MAX)
    if facts.referrer is not None:
        add(part.sums, REFERRALS_RECEIVED, 1)
        word = Word(event.at, event.stamp, f"{facts.referrer.kind}:{facts.referrer.value}")
        part.words[REFERRER] = max(word, part.words.get(REFERRER, word))


def forget(part: Part, is_gone: Callable[[str, str], bool]) -> bool:
    """Leave out the names of who is erased; whether there was one. What is counted stays."""
    gone = {name for name in part.referred if is_gone(*name.split(":", 1))}
    part.referred.difference_update(gone)
    word = part.words.get(REFERRER)
    if word is None or not is_gone(*word.text.split(":", 1)):
        return bool(gone)
    del part.words[REFERRER]
    return True


def mentioned(part: Part, event: Event, facts: Mentioned) -> None:
    if facts.reach:
        add(part.sums, MENTION_REACH, facts.reach)
    count_sentiment(part, facts.sentiment)


def shared(part: Part, event: Event, facts: Shared) -> None:
    if facts.reach:
        add(part.sums, SHARE_REACH, facts.reach)


def join(whole: Part, part: Part) -> None:
    for name, programme in part.programmes.items():
        add_programme(whole.programmes, name, programme)
    whole.referred.update(part.referred)


def bound(whole: Part) -> None:
    keep_names(whole.referred, REFERRED_MAX)


def tier_of(programmes: dict[str, Programme]) -> Word | None:
    """The newest tier of any programme."""
    tiers = [one.tier for one in programmes.values() if one.tier is not None]
    return max(tiers, default=None)


def first_joined(programmes: dict[str, Programme]) -> datetime | None:
    joins = [one.joined for one in programmes.values() if one.joined is not None]
    return min(joins, default=None)
