"""Habits: when, through what and with which device the customer comes of their own accord."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from services.profile.domain.bounds import CHANNELS_MAX, DEVICES_MAX, keep_counts
from services.profile.domain.commuting import add_sums
from services.profile.domain.event import Event
from services.profile.domain.part import KIND_CODES, KindCode, Part

#: Kinds in which the customer acts. What the company does to them says nothing of their habits.
ACTED: Final[frozenset[KindCode]] = frozenset(
    KIND_CODES[kind]
    for kind in (
        *("page_viewed", "product_viewed", "searched", "cart_updated", "checkout_started"),
        *("order_completed", "return_requested", "payment_made"),
        *("store_visited", "ticket_opened", "ticket_reopened", "complaint_received"),
        *("survey_answered", "review_posted", "suggestion_made", "feedback_given"),
        *("campaign_opened", "campaign_clicked", "unsubscribed", "lead_captured"),
        *("membership_joined", "points_redeemed", "social_mentioned", "resource_shared"),
        "consent_changed",
    )
)
DEVICE_CHARACTERS_MAX: Final = 40


def acted(part: Part, event: Event) -> None:
    """One more at this hour (UTC), through this channel, with this device."""
    hour = event.at.hour
    hours = part.hours
    hours[hour] = hours.get(hour, 0) + 1
    if event.channel:
        _count(part.chosen, event.channel, CHANNELS_MAX)
    if event.device:
        _count(part.devices, event.device, DEVICES_MAX)


def _count(counts: dict[str, int], name: str, most: int) -> None:
    times = counts.get(name, 0)
    counts[name] = times + 1
    if not times:
        keep_counts(counts, most)


@lru_cache(4_096)
def device_of(user_agent: str) -> str:
    """tablet, mobile or desktop by the words that browsers use (MDN, "Browser detection")."""
    if "iPad" in user_agent or "Tablet" in user_agent:
        return "tablet"
    if "Mobi" in user_agent:
        return "mobile"
    return "tablet" if "Android" in user_agent else "desktop"


def join(whole: Part, part: Part) -> None:
    add_sums(whole.hours, part.hours)
    add_sums(whole.chosen, part.chosen)
    add_sums(whole.devices, part.devices)


def bound(whole: Part) -> None:
    keep_counts(whole.chosen, CHANNELS_MAX)
    keep_counts(whole.devices, DEVICES_MAX)
