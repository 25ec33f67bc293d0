"""The part of the identity graph that a batch touches: events are linked and folded into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.profile.domain.component import (
    ALIASED,
    COMPONENT_NODES_MAX,
    FORBIDDEN,
    MIXED,
    TOGETHER,
    Component,
    Link,
    Node,
    kind_code,
)
from services.profile.domain.event import Aliased, Event, Name
from services.profile.domain.fold import fold
from services.profile.domain.part import BORN, new_part
from services.profile.domain.people import Person, Rules, neighbours_of_all, people

#: A few links are searched one by one; that is cheaper than an index of them.
LINKS_SEARCHED_MAX: Final = 8


class Working:
    """A component while a batch works on it.

    versions   component id -> version in Redis (0: new) of it and of those it took in
    before     node id with a part -> the person it counted for when it was loaded, and how that
               person looked; None while nothing that decides about persons has changed
    touched    places of nodes whose part changed
    moved      nodes whose home is a new one: created here, or taken in
    changed    whether it must be written
    persons    who is in it, while that is known and holds
    """

    __slots__ = (
        "_links",
        "before",
        "changed",
        "component",
        "key",
        "moved",
        "persons",
        "places",
        "touched",
        "versions",
    )

    def __init__(self, key: bytes, version: int, component: Component) -> None:
        self.key = key
        self.component = component
        self.versions = {key: version}
        self.places = {node.id: place for place, node in enumerate(component.nodes)}
        self._links: dict[tuple[int, int], int] | None = None
        self.before: dict[bytes, Appearance] | None = None
        self.touched: set[int] = set()
        self.moved: set[bytes] = set()
        self.changed = False
        self.persons: list[Person] | None = None

    def show_anew(self, rules: int) -> None:
        """What was shown of it was by other rules: nobody in it looks as before."""
        self.before = {}
        self.component = self.component._replace(rules=rules)

    def settle(self, version: int) -> None:
        """What was changed is durable at this version: nothing is, until the next batch."""
        self.versions = {self.key: version}
        self.before = None
        self.touched.clear()
        self.moved.clear()
        self.changed = False

    def place_of_link(self, a: int, b: int) -> int | None:
        """Where the link of two places stands in `links`."""
        links = self.component.links
        if len(links) <= LINKS_SEARCHED_MAX:
            for place, link in enumerate(links):
                if link[0] == a and link[1] == b:
                    return place
            return None
        if self._links is None:
            self._links = {(link.a, link.b): place for place, link in enumerate(links)}
        return self._links.get((a, b))

    def add_link(self, link: Link) -> None:
        """A pair that was not linked is."""
        if self._links is not None:
            self._links[link.a, link.b] = len(self.component.links)
        self.component.links.append(link)

    def take_in(self, other: Working) -> None:
        """All that the other one has; its places move up behind ours."""
        assert self.before is not None
        assert other.before is not None
        shift = len(self.component.nodes)
        _append(self.component, other.component, shift)
        if other.component.rules != self.component.rules:
            self.component = self.component._replace(rules=MIXED)
        self.before.update(other.before)
        self.versions.update(other.versions)
        self.touched.update(place + shift for place in other.touched)
        self._links = None
        self.changed = True
        for node, place in other.places.items():
            self.places[node] = place + shift
            self.moved.add(node)


#: A person's id, members and refused links: what a snapshot shows besides the parts.
Appearance = tuple[bytes | None, frozenset[bytes], int]


def appearance(component: Component, person: Person) -> Appearance:
    """How a person looks, in ids rather than places."""
    members = frozenset(component.nodes[place].id for place in person.places)
    return person.id, members, person.refused_links


class Graph:
    """`homes`: node id -> its working component, for every node of every loaded component."""

    __slots__ = ("homes", "loose_links", "rules")

    def __init__(self, rules: Mapping[str, Rules]) -> None:
        self.rules = rules
        self.homes: dict[bytes, Working] = {}
        self.loose_links = 0

    def admit(self, working: Working) -> None:
        """Take in a component as Redis has it."""
        for node in working.places:
            self.homes[node] = working

    def apply(self, event: Event) -> None:
        """Link the event's strongest identifier with each other one, and fold the event."""
        names, nodes, homes = event.names, event.nodes, self.homes
        strongest = nodes[0]
        for place, node in enumerate(nodes):
            if node not in homes:
                self._create(event.workspace, node, names[place])
            if place:
                self._link(strongest, node, event, TOGETHER)
        if event.alias is not None and isinstance(event.facts, Aliased):
            if event.alias not in self.homes:
                self._create(event.workspace, event.alias, event.facts.previous)
            self._link(strongest, event.alias, event, ALIASED)
        self._fold(homes[strongest], strongest, event)

    def _create(self, workspace: str, node: bytes, name: Name) -> None:
        """A new node is a component of its own, named like it."""
        nodes = [Node(node, kind_code(name.kind), name.value)]
        alone = Component(workspace, nodes, [], [], self.rules[workspace].mark)
        working = Working(node, 0, alone)
        working.before = {}
        working.moved.add(node)
        working.changed = True
        self.homes[node] = working

    def _fold(self, home: Working, node: bytes, event: Event) -> None:
        place = home.places[node]
        found = home.component.nodes[place]
        part = found.part
        if part is None or event.received < part.seen[BORN]:
            self._remember(home)
        if part is None:
            part = new_part(event.at, event.received)
            home.component.nodes[place] = found._replace(part=part)
        fold(part, event)
        home.touched.add(place)
        home.changed = True

    def _remember(self, home: Working) -> None:
        """Before persons may change: how they looked."""
        if home.before is not None:
            return
        component = home.component
        before: dict[bytes, Appearance] = {}
        persons, home.persons = home.persons, None
        for person in persons or people(component, self.rules[component.workspace]):
            look = appearance(component, person)
            for place in person.places:
                if component.nodes[place].part is not None:
                    before[component.nodes[place].id] = look
        home.before = before

    def _link(self, one: bytes, other: bytes, event: Event, rule: int) -> None:
        if one == other:
            return
        home, away = self.homes[one], self.homes[other]
        if home is away and self._repeated(home, one, other, event, rule):
            return
        if self._is_loose(home, one, away, other):
            self._count_loose(home, one, other)
            self._count_loose(away, other, one)
            self.loose_links += 1
            return
        if home is not away:
            home = self._join(home, away)
        self._remember(home)
        home.add_link(_link_of(home, one, other, event, rule))

    def _repeated(self, home: Working, one: bytes, other: bytes, event: Event, rule: int) -> bool:
        """Whether the pair is linked already; the earliest event that says so is kept."""
        low, high = (one, other) if one < other else (other, one)
        place = home.place_of_link(home.places[low], home.places[high])
        if place is None:
            return False
        known = home.component.links[place]
        if event.at > known.at or known.rule == FORBIDDEN:
            return True
        if (event.at, event.event_id, rule) < (known.at, known.event, known.rule):
            self._remember(home)
            home.component.links[place] = _link_of(home, one, other, event, rule)
        return True

    def _is_loose(self, home: Working, one: bytes, away: Working, other: bytes) -> bool:
        if home is not away:
            nodes = len(home.component.nodes) + len(away.component.nodes)
            if nodes > COMPONENT_NODES_MAX:
                return True
        return self._is_hub(home, one) or self._is_hub(away, other)

    def _is_hub(self, home: Working, node: bytes) -> bool:
        component = home.component
        most = self.rules[component.workspace].hub_degree_max
        if len(component.links) + len(component.loose) <= most:
            return False
        return len(neighbours_of_all(component)[home.places[node]]) > most

    def _count_loose(self, home: Working, node: bytes, other: bytes) -> None:
        """A hub learns no more neighbours; the other end must, to become a hub in its turn."""
        loose = (home.places[node], other)
        if loose in home.component.loose or self._is_hub(home, node):
            return
        self._remember(home)
        home.component.loose.append(loose)
        home.changed = True

    def _join(self, one: Working, other: Working) -> Working:
        """Two components become one, under the id of the one with more nodes."""
        larger, smaller = sorted(
            (one, other), key=lambda working: (-len(working.component.nodes), working.key)
        )
        self._remember(larger)
        self._remember(smaller)
        larger.take_in(smaller)
        for node in smaller.places:
            self.homes[node] = larger
        return larger


def _append(larger: Component, smaller: Component, shift: int) -> None:
    larger.nodes.extend(smaller.nodes)
    larger.links.extend(link._replace(a=link.a + shift, b=link.b + shift) for link in smaller.links)
    larger.loose.extend((place + shift, other) for place, other in smaller.loose)


def _link_of(home: Working, one: bytes, other: bytes, event: Event, rule: int) -> Link:
    low, high = (one, other) if one < other else (other, one)
    return Link(home.places[low], home.places[high], event.at, event.event_id, rule)
