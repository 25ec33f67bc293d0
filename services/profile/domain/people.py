"""Who is one person: a pure function of a component's links and the rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.profile.domain.component import (
    ALIASED,
    ALIASED_PUBLIC,
    REQUESTED,
    TOGETHER,
    TOGETHER_PUBLIC,
    Component,
    Link,
    Node,
)
from services.profile.domain.component import (
    Refusal as Refusal,
)
from services.profile.domain.grouping import RefusedLink as RefusedLink
from services.profile.domain.grouping import grouped
from services.profile.domain.part import BORN
from services.profile.domain.rules import Rules as Rules

#: Only a limit can refuse such a link, or a request's, an end or an unmerge.
_TRUSTED: Final = frozenset({TOGETHER, ALIASED, REQUESTED})
_PUBLIC: Final = frozenset({TOGETHER_PUBLIC, ALIASED_PUBLIC})


class Person(NamedTuple):
    """A group of nodes (their places), and the links of theirs that were refused, each pair once.

    `id` is None while no event counts for any of them. `hub_links`: of a hub, how many links it
    refused at least; they are not among the others, as it does not know all of them.
    """

    id: bytes | None
    places: tuple[int, ...]
    refused: tuple[RefusedLink, ...] = ()
    hub_links: int = 0

    @property
    def refused_links(self) -> int:
        return len(self.refused) + self.hub_links

    @property
    def unsettled_links(self) -> int:
        """Those that nobody has decided on: a pair that was set apart is settled."""
        settled = [one for one in self.refused if one.reason is Refusal.SET_APART]
        return self.refused_links - len(settled)


def people(component: Component, rules: Rules) -> list[Person]:
    """The persons of a component.

    Links are taken in the order (occurred, event id); each joins two groups unless it is refused
    (see `Refusal`): the new group had too many of a kind, a public key would join two known
    people, a pair that an unmerge holds apart would meet, or an end is a hub or names nobody. Of a
    pair the earliest link of each class is kept (of requests the newest word), so that the order
    of arrival does not matter.
    """
    nodes = component.nodes
    if _are_one(component, rules):
        places = tuple(range(len(nodes)))
        return [Person(named(nodes, places, rules), places)]
    return [
        Person(named(nodes, places, rules), places, refused, hub_links)
        for places, refused, hub_links in grouped(component, rules)
    ]


def _are_one(component: Component, rules: Rules) -> bool:
    """Whether it is plain that no rule can refuse any link, and links have joined all nodes."""
    nodes, links = component.nodes, component.links
    if component.loose or component.apart or len(links) > rules.hub_degree_max:
        return False
    if len(nodes) == 1:
        return not links
    if not links or not rules.allow(tuple([node.kind for node in nodes])):
        return False
    if rules.name_nobody(nodes):
        return False
    for link in links:
        if link.rule not in _TRUSTED and not _joins_a_visitor(link, nodes, rules):
            return False
    if len(nodes) == 2:
        return True
    if (rules.attaching or rules.hub_degrees) and not _is_unshared(component, rules):
        return False
    return _are_connected(component)


def _joins_a_visitor(link: Link, nodes: list[Node], rules: Rules) -> bool:
    """Whether a public key says it of nodes of which one at most makes a person known."""
    return link.rule in _PUBLIC and sum([rules.knows(node.kind) for node in nodes]) <= 1


def _are_connected(component: Component) -> bool:
    """Whether one look at each link reaches all nodes: hardly ever does it take a second one."""
    links = component.links
    reached = {links[0].a, links[0].b}
    for link in links:
        if link.a in reached or link.b in reached:
            reached.add(link.a)
            reached.add(link.b)
    return len(reached) == len(component.nodes)


def _is_unshared(component: Component, rules: Rules) -> bool:
    """Whether each node of a kind that people share hangs on one other node."""
    times: dict[int, int] = {}
    for link in component.links:
        for place in link[:2]:
            kind = component.nodes[place].kind
            if kind in rules.attaching or kind in rules.hub_degrees:
                if place in times:
                    return False
                times[place] = 1
    return True


def named(nodes: list[Node], places: Sequence[int], rules: Rules) -> bytes | None:
    """By the node whose events were received first; then by the stronger kind, the id."""
    if len(places) == 1:
        node = nodes[places[0]]
        return node.id if node.part is not None else None
    first: tuple[datetime, int, bytes] | None = None
    for place in places:
        node = nodes[place]
        if node.part is not None:
            rank = (node.part.seen[BORN], rules.rank(node.kind), node.id)
            first = rank if first is None or rank < first else first
    return first[2] if first is not None else None
