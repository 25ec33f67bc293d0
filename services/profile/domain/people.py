"""Who is one person: a pure function of a component's links and the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from services.profile.domain.component import FORBIDDEN, Component, Link, Node
from services.profile.domain.part import BORN

#: For identifier kinds that identity.yaml does not name: weakest, and so many a person.
LIMIT_UNLISTED: Final = 100
#: Answers of `Rules.allow` are kept for so many kinds together, and so many of them.
KINDS_KEPT_MAX: Final = 8
COMBINATIONS_KEPT_MAX: Final = 4_096


@dataclass(frozen=True, slots=True)
class Rules:
    """`limits`: how many of a kind (by code) one person may have; `ranks`: 0 is strongest.

    `mark` tells them from other rules: people are shown anew when theirs is another.
    """

    limits: dict[int | str, int]
    ranks: dict[int | str, int]
    hub_degree_max: int
    mark: int = 0
    _allowed: dict[tuple[int | str, ...], bool] = field(default_factory=dict, compare=False)

    def allow(self, kinds: tuple[int | str, ...]) -> bool:
        """Whether one person may have all of these kinds; the answer is kept for small groups."""
        known = self._allowed.get(kinds)
        if known is None:
            known = all(kinds.count(kind) <= self.limit(kind) for kind in set(kinds))
            if len(kinds) <= KINDS_KEPT_MAX and len(self._allowed) < COMBINATIONS_KEPT_MAX:
                self._allowed[kinds] = known
        return known

    def limit(self, kind: int | str) -> int:
        return self.limits.get(kind, LIMIT_UNLISTED)

    def rank(self, kind: int | str) -> int:
        return self.ranks.get(kind, len(self.ranks))


class Person(NamedTuple):
    """A group of nodes (their places). `id` is None while no event counts for any of them."""

    id: bytes | None
    places: tuple[int, ...]
    refused_links: int


def people(component: Component, rules: Rules) -> list[Person]:
    """The persons of a component.

    Links are taken in the order (occurred, event id); each joins two groups unless the new
    group had too many of a kind, or an end is a hub. Groups only grow, so that only the
    earliest link of a pair matters, and the order of arrival does not.
    """
    nodes = component.nodes
    if _are_one(component, rules):
        return [_person(nodes, tuple(range(len(nodes))), 0, rules)]
    groups = _Groups(nodes, rules)
    hubs = hub_places(component, rules)
    for link in _in_order(component):
        if link.rule != FORBIDDEN and link.a not in hubs and link.b not in hubs:
            groups.join(link.a, link.b)
    return groups.persons()


def _are_one(component: Component, rules: Rules) -> bool:
    """Whether no rule can refuse any link: then all nodes, which links have joined, are one."""
    nodes, links = component.nodes, component.links
    if len(nodes) == 1:
        return True
    if component.loose or len(links) > rules.hub_degree_max:
        return False
    if not rules.allow(tuple([node.kind for node in nodes])):
        return False
    return FORBIDDEN not in [link.rule for link in links]


def hub_places(component: Component, rules: Rules) -> frozenset[int]:
    """Nodes with more distinct neighbours than allowed."""
    if len(component.links) + len(component.loose) <= rules.hub_degree_max:
        return frozenset()
    return frozenset(
        place
        for place, neighbours in enumerate(neighbours_of_all(component))
        if len(neighbours) > rules.hub_degree_max
    )


def neighbours_of_all(component: Component) -> list[set[bytes]]:
    """The ids of each node's distinct neighbours."""
    neighbours: list[set[bytes]] = [set() for _ in component.nodes]
    for link in component.links:
        if link.rule != FORBIDDEN:
            neighbours[link.a].add(component.nodes[link.b].id)
            neighbours[link.b].add(component.nodes[link.a].id)
    for place, other in component.loose:
        neighbours[place].add(other)
    return neighbours


def _in_order(component: Component) -> list[Link]:
    nodes, links = component.nodes, component.links
    if len(links) == 1:
        return links
    return sorted(links, key=lambda one: (one.at, one.event, nodes[one.a].id, nodes[one.b].id))


class _Groups:
    """Union-find that knows how many of each kind a group has."""

    __slots__ = ("_counts", "_members", "_nodes", "_refused", "_roots", "_rules")

    def __init__(self, nodes: list[Node], rules: Rules) -> None:
        self._nodes = nodes
        self._rules = rules
        self._roots = list(range(len(nodes)))
        self._members: dict[int, list[int]] = {place: [place] for place in self._roots}
        self._counts: list[dict[int | str, int]] = [{node.kind: 1} for node in nodes]
        self._refused: list[tuple[int, int]] = []

    def join(self, a: int, b: int) -> None:
        root, other = self._roots[a], self._roots[b]
        if root == other:
            return
        if len(self._members[root]) < len(self._members[other]):
            root, other = other, root
        together = self._counts_together(root, other)
        if together is None:
            self._refused.append((a, b))
            return
        self._counts[root] = together
        for place in self._members[other]:
            self._roots[place] = root
        self._members[root] += self._members.pop(other)

    def _counts_together(self, root: int, other: int) -> dict[int | str, int] | None:
        together = dict(self._counts[root])
        for kind, times in self._counts[other].items():
            count = together.get(kind, 0) + times
            if count > self._rules.limit(kind):
                return None
            together[kind] = count
        return together

    def persons(self) -> list[Person]:
        refused = dict.fromkeys(self._members, 0)
        for a, b in self._refused:
            for root in {self._roots[a], self._roots[b]}:
                refused[root] += 1
        return [
            _person(self._nodes, tuple(places), refused[root], self._rules)
            for root, places in self._members.items()
        ]


def _person(nodes: list[Node], places: tuple[int, ...], refused: int, rules: Rules) -> Person:
    """Named by the node whose events were received first; then by the stronger kind, the id."""
    if len(places) == 1:
        node = nodes[places[0]]
        return Person(node.id if node.part is not None else None, places, refused)
    named: tuple[datetime, int, bytes] | None = None
    for place in places:
        node = nodes[place]
        if node.part is not None:
            rank = (node.part.seen[BORN], rules.rank(node.kind), node.id)
            named = rank if named is None or rank < named else named
    return Person(named[2] if named is not None else None, places, refused)
