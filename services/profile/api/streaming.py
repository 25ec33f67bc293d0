"""A request for the change feed → what its key may see of it, and from where."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from schemas.profile_asked import ChangesAsked, FeedShows, FeedStart
from services.common.api_keys import Scope
from services.profile.api.feed import Lens
from services.profile.api.keys import Holder
from services.profile.api.people import People


def lens_of(holder: Holder, asked: ChangesAsked) -> Lens:
    """Refused (403) where whole profiles are asked for without the scope."""
    whole = asked.include is FeedShows.PROFILE
    if whole:
        holder.needs(Scope.PROFILE_READ)
    hidden = None if holder.sees_personal else holder.premises.personal
    return Lens(holder.premises.name, whole, hidden)


def begin_of(asked: ChangesAsked, last_event_id: str | None) -> str | None:
    """The cursor; None: from now on; empty: from the beginning."""
    if cursor := asked.cursor or last_event_id:
        return cursor
    return "" if asked.start is FeedStart.BEGINNING else None


def noted_by(people: People, holder: Holder, lens: Lens) -> Callable[[int], None]:
    """What puts on record that so many whole profiles are about to be shown."""
    if lens.whole and lens.hidden is None:
        return partial(_note, people, holder)
    return lambda _: None


def _note(people: People, holder: Holder, changes: int) -> None:
    people.note(holder, "changes.read", "", profiles=changes)
