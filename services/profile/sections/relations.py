"""Loyalty, marketing, consent and preferences."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from services.profile.domain.folds.loyalty import tier_of
from services.profile.domain.ids import uuid_text
from services.profile.domain.part import (
    CAMPAIGN_COST,
    CONVERTED,
    KIND_CODES,
    MENTION_REACH,
    REFERRALS_MADE,
    REFERRALS_RECEIVED,
    REFERRER,
    SHARE_REACH,
    KindCode,
    Part,
)
from services.profile.domain.states import Programme
from services.profile.sections.spelling import day, most, of_milli, purse

_MENTIONS, _SHARES = KIND_CODES["social_mentioned"], KIND_CODES["resource_shared"]
_SENT, _DELIVERED = KIND_CODES["campaign_sent"], KIND_CODES["campaign_delivered"]
_OPENED, _CLICKED = KIND_CODES["campaign_opened"], KIND_CODES["campaign_clicked"]
_CONVERTED = KIND_CODES["campaign_converted"]
_CAMPAIGN = (_SENT, _DELIVERED, _OPENED, _CLICKED, _CONVERTED)
_MAILED = frozenset[KindCode](_CAMPAIGN)


class Named(msgspec.Struct, gc=False):
    kind: str
    value: str


class ShownProgramme(msgspec.Struct, gc=False, omit_defaults=True):
    programme: str | None = None
    joined_at: datetime | None = None
    tier: str | None = None
    tier_since: datetime | None = None
    earned: str = "0"
    redeemed: str = "0"
    balance: str = "0"
    stated_balance: str | None = None


class Loyalty(msgspec.Struct, gc=False, omit_defaults=True):
    tier: str | None = None
    tier_since: datetime | None = None
    points: str | None = None
    programmes: list[ShownProgramme] = []
    referrals_made: int = 0
    referred: list[Named] = []
    referrals_received: int = 0
    referred_by: Named | None = None
    mentions: int = 0
    mention_reach: int = 0
    shares: int = 0
    share_reach: int = 0


class Marketing(msgspec.Struct, gc=False, omit_defaults=True):
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    converted: int = 0
    conversion_value: dict[str, str] = {}
    cost: dict[str, str] = {}
    unsubscribed: dict[str, datetime] = {}


class ShownConsent(msgspec.Struct, gc=False, omit_defaults=True):
    allowed: bool
    at: datetime
    source: str
    event_id: str
    text_version: str | None = None
    expires_on: date | None = None


class Preferences(msgspec.Struct, gc=False, omit_defaults=True):
    channel: str | None = None
    hour: int | None = None
    device: str | None = None
    category: str | None = None
    product: str | None = None
    products: dict[str, int] = {}


def loyalty(part: Part) -> Loyalty | msgspec.UnsetType:
    mentions, shares = part.kinds.get(_MENTIONS), part.kinds.get(_SHARES)
    made, received = part.sums.get(REFERRALS_MADE, 0), part.sums.get(REFERRALS_RECEIVED, 0)
    if not (part.programmes or made or received or mentions or shares):
        return msgspec.UNSET
    shown = Loyalty()
    if part.programmes:
        _show_programmes(shown, part.programmes)
    shown.referrals_made, shown.referrals_received = made, received
    shown.referred = [_named(name) for name in sorted(part.referred)]
    if REFERRER in part.words:
        shown.referred_by = _named(part.words[REFERRER].text)
    shown.mentions, shown.mention_reach = mentions[0] if mentions else 0, _sum(part, MENTION_REACH)
    shown.shares, shown.share_reach = shares[0] if shares else 0, _sum(part, SHARE_REACH)
    return shown


def _sum(part: Part, key: int) -> int:
    return part.sums.get(key, 0)


def _named(name: str) -> Named:
    kind, _, value = name.partition(":")
    return Named(kind, value)


def _show_programmes(shown: Loyalty, programmes: dict[str, Programme]) -> None:
    tier = tier_of(programmes)
    if tier is not None:
        shown.tier, shown.tier_since = tier.text, tier.at
    moved = [one for one in programmes.values() if one.earned or one.redeemed]
    if moved:
        shown.points = of_milli(sum(one.earned - one.redeemed for one in moved))
    shown.programmes = [_programme(name, programmes[name]) for name in sorted(programmes)]


def _programme(programme: str, one: Programme) -> ShownProgramme:
    return ShownProgramme(
        programme or None,
        one.joined,
        one.tier.text if one.tier else None,
        one.tier.at if one.tier else None,
        of_milli(one.earned),
        of_milli(one.redeemed),
        of_milli(one.earned - one.redeemed),
        of_milli(one.balance.value) if one.balance else None,
    )


def marketing(part: Part) -> Marketing | msgspec.UnsetType:
    kinds, unsubscribed = part.kinds, part.unsubscribed
    cost, value = part.money.get(CAMPAIGN_COST, {}), part.money.get(CONVERTED, {})
    if not (cost or value or unsubscribed or not _MAILED.isdisjoint(kinds)):
        return msgspec.UNSET
    sent, delivered, opened, clicked, converted = (
        kinds[kind][0] if kind in kinds else 0 for kind in _CAMPAIGN
    )
    return Marketing(
        sent, delivered, opened, clicked, converted, purse(value), purse(cost), unsubscribed
    )


def consent(part: Part) -> dict[str, ShownConsent] | msgspec.UnsetType:
    if not part.consents:
        return msgspec.UNSET
    return {
        purpose: ShownConsent(allowed, at, source, uuid_text(event), text_version, day(expires))
        for purpose, (at, event, allowed, source, text_version, expires) in part.consents.items()
    }


def preferences(part: Part) -> Preferences | msgspec.UnsetType:
    if not (part.hours or part.categories or part.products):
        return msgspec.UNSET
    return Preferences(
        most(part.chosen),
        most(part.hours),
        most(part.devices),
        most(part.categories),
        most(part.products),
        part.products,
    )
