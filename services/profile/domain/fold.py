"""How an event changes a part. Every fold commutes, so the order of arrival does not matter."""

from __future__ import annotations

from datetime import datetime

from services.profile.domain.bounds import CHANNELS_MAX, keep_counts
from services.profile.domain.commuting import counted
from services.profile.domain.event import Event
from services.profile.domain.folds.habit import ACTED, acted
from services.profile.domain.folds.table import FOLD_OF
from services.profile.domain.part import BORN, FIRST, LAST, Part
from services.profile.domain.states import Count


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
    if kind in ACTED:
        acted(part, event)
    add = FOLD_OF.get(kind)
    if add is not None:
        add(part, event, event.facts)


def _count_channel(channels: dict[str, Count], channel: str, at: datetime) -> None:
    count = channels.get(channel)
    channels[channel] = counted(count, at)
    if count is None:
        keep_counts(channels, CHANNELS_MAX)
