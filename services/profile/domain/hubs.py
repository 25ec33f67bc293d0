"""Nodes that link nobody: hubs, which have too many neighbours, and what names nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from services.profile.domain.component import (
    ALIASED_PUBLIC,
    CARRIED,
    TOGETHER_PUBLIC,
    Component,
    Link,
    Loose,
    Refusal,
)
from services.profile.domain.rules import Rules

#: Said by events of public keys alone: joins no two known people.
PUBLIC_KEYS: Final = frozenset({TOGETHER_PUBLIC, ALIASED_PUBLIC})


def hub_places(component: Component, rules: Rules) -> frozenset[int]:
    """Nodes with more neighbours than allowed."""
    if len(component.links) + len(component.loose) <= rules.hub_degree_min():
        return frozenset()
    neighbours: list[set[bytes]] = [set() for _ in component.nodes]
    for place, other in _neighbours(component, rules, component.links, component.loose):
        neighbours[place].add(other)
    return frozenset(
        place
        for place, near in enumerate(neighbours)
        if len(near) > rules.hub_degree(component.nodes[place].kind)
    )


class Neighbours:
    """Those of a component's nodes, kept while links are appended: each is looked at once."""

    __slots__ = ("_links", "_loose", "_near")

    def __init__(self) -> None:
        self._near: list[set[bytes]] = []
        self._links = self._loose = 0

    def number(self, component: Component, place: int, rules: Rules) -> int:
        """How many this node has."""
        links, loose = component.links, component.loose
        self._near += [set() for _ in component.nodes[len(self._near) :]]
        news = links[self._links :], loose[self._loose :]
        for one, other in _neighbours(component, rules, *news):
            self._near[one].add(other)
        self._links, self._loose = len(links), len(loose)
        return len(self._near[place])


def _neighbours(
    component: Component, rules: Rules, links: list[Link], loosened: list[Loose]
) -> Iterable[tuple[int, bytes]]:
    """(place of a node, id of a neighbour that counts towards its being a hub).

    A weak neighbour (an anonymous id) does not count for a known node: whoever makes one for every
    message is one person. For a weak node, a kiosk, every neighbour counts. What a public key says
    of two known ones does not count either: it joins nobody, and must not unlink anybody.
    """
    nodes = component.nodes
    for link in links:
        one, other = rules.knows(nodes[link.a].kind), rules.knows(nodes[link.b].kind)
        if link.rule not in CARRIED or (link.rule in PUBLIC_KEYS and one and other):
            continue
        if other or not one:
            yield link.a, nodes[link.b].id
        if one or not other:
            yield link.b, nodes[link.a].id
    for loose in loosened:
        if counts(loose, rules.knows(nodes[loose.place].kind), rules):
            yield loose.place, loose.other


def counts(loose: Loose, known: bool, rules: Rules) -> bool:
    """Whether a loose link makes a neighbour of its node, which is `known` or not."""
    if loose.rule not in CARRIED or loose.reason in (Refusal.ABSORBED, Refusal.PUBLIC_KEY):
        return False
    return not known or rules.knows(loose.kind)


def barred_places(component: Component, rules: Rules) -> dict[int, Refusal]:
    """Nodes that link nobody: hubs, and what names nobody by the rules in force."""
    barred = dict.fromkeys(hub_places(component, rules), Refusal.HUB)
    if rules.blocked or rules.patterns:
        for place, node in enumerate(component.nodes):
            if rules.names_nobody(node.kind, node.value):
                barred[place] = Refusal.BLOCKED
    return barred
