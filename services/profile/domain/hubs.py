"""Nodes that link nobody: hubs, with more neighbours than allowed, and what names nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from services.profile.domain.component import (
    ALIASED_PUBLIC,
    CARRIED,
    TOGETHER_PUBLIC,
    Component,
    Loose,
    Refusal,
)
from services.profile.domain.rules import Rules

#: Said by events of public keys alone: joins no two known people.
PUBLIC_CARRIED: Final = frozenset({TOGETHER_PUBLIC, ALIASED_PUBLIC})


def hub_places(component: Component, rules: Rules) -> frozenset[int]:
    """Nodes with more neighbours than allowed."""
    if len(component.links) + len(component.loose) <= rules.hub_degree_min():
        return frozenset()
    neighbours: list[set[bytes]] = [set() for _ in component.nodes]
    for place, other in _neighbours(component, rules):
        neighbours[place].add(other)
    return frozenset(
        place
        for place, near in enumerate(neighbours)
        if len(near) > rules.hub_degree(component.nodes[place].kind)
    )


def is_hub(component: Component, place: int, rules: Rules) -> bool:
    """Whether this node is one of them."""
    most = rules.hub_degree(component.nodes[place].kind)
    if len(component.links) + len(component.loose) <= most:
        return False
    near = {other for one, other in _neighbours(component, rules) if one == place}
    return len(near) > most


def _neighbours(component: Component, rules: Rules) -> Iterable[tuple[int, bytes]]:
    """(place of a node, id of a neighbour that counts towards its being a hub).

    A weak neighbour (an anonymous id) does not count for a known node: whoever makes one for every
    message is one person. For a weak node, a kiosk, every neighbour counts. What a public key says
    of two known ones does not count either: it joins nobody, and must not unlink anybody.
    """
    nodes = component.nodes
    known = [rules.knows(node.kind) for node in nodes]
    for link in component.links:
        if link.rule not in CARRIED or (
            link.rule in PUBLIC_CARRIED and known[link.a] and known[link.b]
        ):
            continue
        if known[link.b] or not known[link.a]:
            yield link.a, nodes[link.b].id
        if known[link.a] or not known[link.b]:
            yield link.b, nodes[link.a].id
    for loose in component.loose:
        if counts(loose, known[loose.place], rules):
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
