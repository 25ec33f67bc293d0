"""What people ask for: two nodes are one person, or are not; of a pair the newest word holds.

The words of a pair are a register: the last by (occurred, event id) wins, whatever order they come
in. A merge is a link; an unmerge takes that link away and holds the pair apart, whatever else
links the two.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from services.profile.domain.component import (
    ALIASED,
    ALIASED_PUBLIC,
    ASKED,
    PARTED,
    PARTED_PUBLIC,
    REQUESTED,
    REQUESTED_PUBLIC,
    Apart,
    Link,
)
from services.profile.domain.event import Aliased, MergeRequested, UnmergeRequested
from services.profile.domain.people import Rules
from services.profile.domain.working import Working

#: What an event says of its strongest identifier and the other one that its facts name: of a key
#: that is not public, and of one that is.
SAID: Final[dict[type, tuple[int, int]]] = {
    Aliased: (ALIASED, ALIASED_PUBLIC),
    MergeRequested: (REQUESTED, REQUESTED_PUBLIC),
    UnmergeRequested: (PARTED, PARTED_PUBLIC),
}
#: Places (the lower id first), when it was said and by which event.
Word = tuple[int, int, datetime, bytes]


def hold_together(home: Working, word: Word, rules: Rules) -> None:
    """A merge of two nodes of one component is asked for."""
    if _replaces(home, word, rules):
        home.add_link(Link(*word, REQUESTED))


def hold_apart(home: Working, word: Word, rules: Rules) -> None:
    """An unmerge of two nodes of one component is asked for."""
    if _replaces(home, word, rules):
        home.component = home.component._replace(apart=(*home.component.apart, Apart(*word)))


def _replaces(home: Working, word: Word, rules: Rules) -> bool:
    """Whether it is the newest word of its pair; an older one is taken back then."""
    low, high, *when = word
    place, apart = home.place_of_link(low, high, ASKED), home.component.apart
    said = [pair for pair in apart if pair.a == low and pair.b == high]
    known = said[0] if said else home.component.links[place] if place is not None else None
    if known is not None and [known.at, known.event] >= when:
        return False
    home.remember(rules)
    home.changed = True
    if place is not None:
        home.drop_link(place)
    if said:
        kept = tuple(pair for pair in apart if pair is not said[0])
        home.component = home.component._replace(apart=kept)
    return True
