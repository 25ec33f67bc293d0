"""A component while a batch works on it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from services.profile.domain.component import CLASS_OF, MIXED, Component, Link, Loose
from services.profile.domain.hubs import Neighbours
from services.profile.domain.people import Person, Rules, people

#: A component that grows within a batch is looked at before its end when it has so many nodes.
CROWDED_AT: Final = 400
#: A few links are searched one by one; that is cheaper than an index of them.
LINKS_SEARCHED_MAX: Final = 8

#: A refused link in ids rather than places: its ends, when it was said, by what event, why.
RefusedPair = tuple[bytes, bytes, object, bytes, str]
#: A person's id, members and refused links, and of a hub how many: what a snapshot shows besides
#: the parts.
Appearance = tuple[bytes | None, frozenset[bytes], frozenset[RefusedPair], int]


class Working:
    """A component while a batch works on it.

    versions   component id -> version in Redis (0: new) of it and of those it took in
    places     node id -> place; of a leaf that was absorbed: the place of what it was absorbed into
    before     node id with a part -> the person it counted for when it was loaded, and how that
               person looked; None while nothing that decides about persons has changed
    touched    places of nodes whose part changed
    moved      nodes whose home is a new one: created here, or taken in
    left       nodes that are none any more -> what their key in Redis says from now on
    shown      nodes that left and that events counted for: they may have been profiles
    erased     nodes that were erased, of those that may have been profiles
    changed    whether it must be written
    crowded_at when it has more nodes than this within a batch, leaves are absorbed
    persons    who is in it, while that is known and holds
    """

    __slots__ = (
        "_links",
        "_loose",
        "_neighbours",
        "before",
        "changed",
        "component",
        "crowded_at",
        "erased",
        "key",
        "left",
        "moved",
        "persons",
        "places",
        "shown",
        "touched",
        "versions",
    )

    def __init__(self, key: bytes, version: int, component: Component) -> None:
        self.key = key
        self.component = component
        self.versions = {key: version}
        self.places = {node.id: place for place, node in enumerate(component.nodes)}
        self._links: dict[tuple[int, int, int], int] | None = None
        self._loose: dict[tuple[int, bytes, int], int] | None = None
        self._neighbours: Neighbours | None = None
        self.before: dict[bytes, Appearance] | None = None
        self.touched: set[int] = set()
        self.moved: set[bytes] = set()
        self.left: dict[bytes, bytes] = {}
        self.shown: dict[bytes, bytes] = {}
        self.erased: list[bytes] = []
        self.changed = False
        self.crowded_at = CROWDED_AT
        self.persons: list[Person] | None = None

    def show_anew(self, rules: int) -> None:
        """What was shown of it was by other rules: nobody in it looks as before."""
        self.before = {}
        self.component = self.component._replace(rules=rules)

    def remember(self, rules: Rules) -> None:
        """Before persons may change: how they looked."""
        if self.before is not None:
            return
        component = self.component
        before: dict[bytes, Appearance] = {}
        persons, self.persons = self.persons, None
        for person in persons or people(component, rules):
            look = appearance(component, person)
            for place in person.places:
                if component.nodes[place].part is not None:
                    before[component.nodes[place].id] = look
        self.before = before

    def settle(self, version: int) -> None:
        """What was changed is durable at this version: nothing is, until the next batch."""
        self.versions = {self.key: version}
        self.before = None
        self.touched.clear()
        self.moved.clear()
        if self.left or len(self.places) != len(self.component.nodes):
            self.left.clear()
            self.shown.clear()
            self.erased.clear()
            self.places = {node.id: place for place, node in enumerate(self.component.nodes)}
        self.changed = False

    # -- links -----------------------------------------------------------------------------------

    def place_of_link(self, a: int, b: int, class_: int) -> int | None:
        """Where the link of two places, of this class, stands in `links`."""
        links = self.component.links
        if len(links) <= LINKS_SEARCHED_MAX:
            for place, link in enumerate(links):
                if link[0] == a and link[1] == b and CLASS_OF[link[4]] == class_:
                    return place
            return None
        if self._links is None:
            self._links = {
                (link.a, link.b, CLASS_OF[link.rule]): place for place, link in enumerate(links)
            }
        return self._links.get((a, b, class_))

    def add_link(self, link: Link) -> None:
        """A pair that was not linked is, in this class."""
        if self._links is not None:
            self._links[link.a, link.b, CLASS_OF[link.rule]] = len(self.component.links)
        self.component.links.append(link)

    def drop_link(self, place: int) -> None:
        """The link that stands there is none any more."""
        del self.component.links[place]
        self._links = self._neighbours = None

    def is_hub(self, place: int, rules: Rules) -> bool:
        """Whether a node has more neighbours than allowed."""
        component = self.component
        most = rules.hub_degree(component.nodes[place].kind)
        if len(component.links) + len(component.loose) <= most:
            return False
        if self._neighbours is None:
            self._neighbours = Neighbours()
        return self._neighbours.number(component, place, rules) > most

    def replace_loose(self, number: int, loose: Loose) -> None:
        """A loose link was said earlier than was known."""
        self.component.loose[number] = loose
        self._neighbours = None

    def place_of_loose(self, place: int, other: bytes, class_: int) -> int | None:
        """Where the loose link of this pair, of this class, stands in `loose`."""
        if self._loose is None:
            known = self.component.loose
            self._loose = {_pair_of(one): number for number, one in enumerate(known)}
        return self._loose.get((place, other, class_))

    def add_loose(self, loose: Loose) -> None:
        """A loose link that was not known is."""
        if self._loose is not None:
            self._loose[_pair_of(loose)] = len(self.component.loose)
        self.component.loose.append(loose)

    # -- nodes -----------------------------------------------------------------------------------

    def take_in(self, other: Working) -> None:
        """All that the other one has; its places move up behind ours."""
        assert self.before is not None
        assert other.before is not None
        shift = len(self.component.nodes)
        self.component = _with(self.component, other.component, shift)
        if other.component.rules != self.component.rules:
            self.component = self.component._replace(rules=MIXED)
        self.before.update(other.before)
        self.versions.update(other.versions)
        for place in other.touched:
            self.touched.add(place + shift)
        if other.left:
            self.left.update(other.left)
            self.shown.update(other.shown)
        if other.erased:
            self.erased += other.erased
        self._links = self._loose = None
        self.changed = True
        self.moved.update([node.id for node in other.component.nodes])
        for name, place in other.places.items():
            self.places[name] = place + shift

    def forget(self, gone: Collection[int]) -> None:
        """Nodes that are none any more, and nothing is in their place; `left` says what becomes of
        their keys in Redis. Who stays does not look new by that.

        The component is named by a node that is there: whoever comes again under the id of one that
        left, or of one that was absorbed by one that left, makes a component of that name.
        """
        ids = {self.component.nodes[place].id for place in gone}
        kept = [name for name, place in self.places.items() if place not in gone]
        now = self._without(gone)
        if self.component.since:
            since = tuple(one for one in self.component.since if one.node not in ids)
            self.component = self.component._replace(since=since)
        self.places = {name: now[self.places[name]] for name in kept}
        self.touched = {now[place] for place in self.touched if place in now}
        self.moved -= ids
        for one in ids:
            self.shown.pop(one, None)
            if self.before is not None:
                self.before.pop(one, None)
        left = {node.id for node in self.component.nodes}
        if left and self.key not in left:
            self.key = min(left)
            self.versions.setdefault(self.key, 0)
            self.moved |= left

    def remove(self, places: dict[int, int]) -> None:
        """Nodes that are none any more -> the nodes in whose place they are from now on.

        Their links go with them. `before` must be remembered; `left` says what becomes of the
        nodes' keys in Redis.
        """
        assert self.before is not None
        now = self._without(places)
        now |= {gone: now[place] for gone, place in places.items()}
        self.places = {name: now[place] for name, place in self.places.items()}
        self.touched = {now[place] for place in self.touched}

    def _without(self, gone: Collection[int]) -> dict[int, int]:
        """Take out nodes and all that is said of them; the former places of the others -> now."""
        component = self.component
        kept = [place for place in range(len(component.nodes)) if place not in gone]
        now = {place: number for number, place in enumerate(kept)}
        self.component = component._replace(
            nodes=[component.nodes[place] for place in kept],
            links=[
                link._replace(a=now[link.a], b=now[link.b])
                for link in component.links
                if link.a in now and link.b in now
            ],
            loose=[
                one._replace(place=now[one.place]) for one in component.loose if one.place in now
            ],
            apart=tuple(
                pair._replace(a=now[pair.a], b=now[pair.b])
                for pair in component.apart
                if pair.a in now and pair.b in now
            ),
        )
        self._links = self._loose = self._neighbours = None
        self.persons = None
        self.changed = True
        return now


def appearance(component: Component, person: Person) -> Appearance:
    """How a person looks, in ids rather than places."""
    members = frozenset(component.nodes[place].id for place in person.places)
    refused = _pairs(component, person) if person.refused else frozenset()
    return person.id, members, refused, person.hub_links


def _pairs(component: Component, person: Person) -> frozenset[RefusedPair]:
    nodes = component.nodes
    return frozenset(
        (
            nodes[one.link.a].id,
            one.outside.other if one.outside else nodes[one.link.b].id,
            one.link.at,
            one.link.event,
            one.reason,
        )
        for one in person.refused
    )


def _pair_of(loose: Loose) -> tuple[int, bytes, int]:
    return loose.place, loose.other, CLASS_OF[loose.rule]


def _with(larger: Component, smaller: Component, shift: int) -> Component:
    larger.nodes.extend(smaller.nodes)
    for a, b, at, event, rule in smaller.links:
        larger.links.append(Link(a + shift, b + shift, at, event, rule))
    if smaller.loose:
        larger.loose.extend(one._replace(place=one.place + shift) for one in smaller.loose)
    if smaller.apart:
        moved = (pair._replace(a=pair.a + shift, b=pair.b + shift) for pair in smaller.apart)
        larger = larger._replace(apart=(*larger.apart, *moved))
    if smaller.since:
        larger = larger._replace(since=(*larger.since, *smaller.since))
    if smaller.rebuilt > larger.rebuilt:
        larger = larger._replace(rebuilt=smaller.rebuilt)
    return larger
