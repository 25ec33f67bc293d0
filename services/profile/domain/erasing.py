"""A component without the nodes of somebody who is erased; everybody else in it stays as they are.

What comes later and names an erased node is dropped (the node's key in Redis says so), so nothing
here has to be remembered. Only what other people show of refused links to the erased stays with
them, as links that are known at one end: without that an e-mail address of a whole office could
cease to be a hub, and join the office.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from services.profile.domain.component import CLASS_OF, PARTED, Component, Link, Loose, Refusal
from services.profile.domain.folds.loyalty import forget
from services.profile.domain.people import Person, Rules, people
from services.profile.domain.working import Working

#: What the keys of nodes that left say: it was erased; nothing, it is not known any more.
ERASED: Final = b"erased"
#: It is let in again: the version is the moment (µs) since which it counts.
LIFTED: Final = b"lifted"
UNKNOWN: Final = b""


def erase(home: Working, erased: Collection[bytes], rules: Rules) -> list[bytes]:
    """Take nodes out of a component, with their parts and links; those that may have been profiles.

    A node that no event counts for, and that only the erased were linked to, goes as well: it is
    as if what named it had never come.
    """
    component = home.component
    nodes = component.nodes
    gone = {place for place, node in enumerate(nodes) if node.id in erased}
    profiles = [nodes[place].id for place in sorted(gone) if nodes[place].part is not None]
    persons = home.persons or people(component, rules)
    if any(_is_parted(person, gone) for person in persons):
        home.remember(rules)
    strays = _strays(component, gone)
    for loose in _kept_at_one_end(component, persons, gone):
        if (
            loose.place not in strays
            and home.place_of_loose(loose.place, loose.other, CLASS_OF[loose.rule]) is None
        ):
            home.add_loose(loose)
    home.left |= {nodes[place].id: UNKNOWN for place in strays}
    home.left |= dict.fromkeys(erased, ERASED)
    home.forget(gone | strays)
    return profiles


def forget_names(home: Working, node: bytes, is_gone: Callable[[str, str], bool]) -> None:
    """Leave the names of who is erased out of what somebody else's events said."""
    place = home.places[node]
    part = home.component.nodes[place].part
    if part is not None and forget(part, is_gone):
        home.touched.add(place)
        home.changed = True


def _is_parted(person: Person, gone: set[int]) -> bool:
    """Whether some of a person's nodes go and others stay: these must be shown anew."""
    return len(gone.intersection(person.places)) not in (0, len(person.places))


def _kept_at_one_end(
    component: Component, persons: list[Person], gone: set[int]
) -> Iterator[Loose]:
    """Links that joined nobody, told by who stays. Of what two hubs refused, neither tells."""
    nodes = component.nodes
    number = {place: at for at, person in enumerate(persons) for place in person.places}
    told = {
        (one.link.a, one.link.b): one.reason
        for person in persons
        for one in person.refused
        if one.outside is None
    }
    parted = (Link(*pair, PARTED) for pair in component.apart)
    for link in (*component.links, *parted):
        a, b = link.a, link.b
        for place, far in ((a, b), (b, a)):
            if far in gone and place not in gone and number[a] != number[b]:
                reason = told.get((a, b), Refusal.HUB)
                yield Loose(
                    place, nodes[far].id, nodes[far].kind, link.at, link.event, link.rule, reason
                )


def _strays(component: Component, gone: set[int]) -> set[int]:
    """Nodes without a part that only the gone ones were linked to."""
    nodes = component.nodes
    ids = {nodes[place].id for place in gone}
    pairs = [(one.a, one.b) for one in component.links]
    pairs += [(one.a, one.b) for one in component.apart]
    held = {one.place for one in component.loose if one.other not in ids}
    touched = {one.place for one in component.loose if one.other in ids}
    for pair in pairs:
        (held if gone.isdisjoint(pair) else touched).update(pair)
    return {place for place in touched - held - gone if nodes[place].part is None}
