"""Bounded fan-out: of the many weak identifiers that hang on one known one, most become part of it.

Some SDKs make a new anonymous id for every message. Beyond a bound such leaves are absorbed: their
parts are combined into the part of the node that they hang on, which is exact, and they are no
nodes any more. Their keys in Redis say where they went. Which ones stay does not depend on the
order of arrival: those of the lowest ids, which are hashes, and the eldest, which may have named
the person. It does depend on it whether a node that is tied to somebody else besides was a leaf
when its turn came: what ties an absorbed one to another person is refused.
"""

from __future__ import annotations

from typing import Final

from services.profile.domain.combine import combined
from services.profile.domain.component import CARRIED, Component
from services.profile.domain.hubs import barred_places
from services.profile.domain.part import BORN, Part
from services.profile.domain.people import Rules, people
from services.profile.domain.working import CROWDED_AT, Working

#: So many leaves of one node stay nodes, and the eldest.
LEAVES_MAX: Final = 100
#: What the key of an absorbed node says in Redis, before the id of the node it was absorbed into.
ABSORBED_MARK: Final = b"a"


def absorb(home: Working, rules: Rules) -> dict[bytes, bytes]:
    """Absorb what there is too much of; leaf -> what it was absorbed into, as ids."""
    over = _over(home.component, rules)
    if over:
        home.remember(rules)
        over = _of_one_person(over, home.component, rules)
    nodes = home.component.nodes
    gone = {nodes[leaf].id: nodes[into].id for leaf, into in over.items()}
    if over:
        _combine(home, over)
        home.left |= {leaf: ABSORBED_MARK + into for leaf, into in gone.items()}
        home.shown |= {
            nodes[leaf].id: nodes[into].id
            for leaf, into in over.items()
            if nodes[leaf].part is not None
        }
        home.touched |= set(over.values())
        home.moved -= gone.keys()
        home.remove(over)
    home.crowded_at = max(CROWDED_AT, 2 * len(home.component.nodes))
    return gone


def _over(component: Component, rules: Rules) -> dict[int, int]:
    """Leaves that are too many -> the node that each hangs on (places)."""
    nodes = component.nodes
    hanging: dict[int, list[int]] = {}
    for leaf, near in _hang_on(component, rules).items():
        if len(near) == 1:
            hanging.setdefault(next(iter(near)), []).append(leaf)
    over: dict[int, int] = {}
    for into, leaves in hanging.items():
        if len(leaves) > LEAVES_MAX and rules.knows(nodes[into].kind):
            leaves.sort(key=lambda leaf: nodes[leaf].id)
            stay = {*leaves[:LEAVES_MAX], *_eldest(component, leaves)}
            over |= {leaf: into for leaf in leaves if leaf not in stay}
    return over


def _hang_on(component: Component, rules: Rules) -> dict[int, set[int]]:
    """Weak nodes that events alone have linked -> their neighbours."""
    weak = {
        place: set[int]()
        for place, node in enumerate(component.nodes)
        if not rules.knows(node.kind) and rules.limit(node.kind) > LEAVES_MAX
    }
    for link in component.links:
        for one, other in ((link.a, link.b), (link.b, link.a)):
            if one in weak:
                if link.rule in CARRIED:
                    weak[one].add(other)
                else:
                    del weak[one]
    for pair in component.apart:
        weak.pop(pair.a, None)
        weak.pop(pair.b, None)
    for loose in component.loose:
        weak.pop(loose.place, None)
    return weak


def _eldest(component: Component, leaves: list[int]) -> list[int]:
    """The leaf whose events were received first."""
    nodes = component.nodes
    born = [
        (part.seen[BORN], nodes[leaf].id, leaf)
        for leaf in leaves
        if (part := nodes[leaf].part) is not None
    ]
    return [min(born)[2]] if born else []


def _of_one_person(over: dict[int, int], component: Component, rules: Rules) -> dict[int, int]:
    """Without leaves whose link was refused."""
    barred = barred_places(component, rules)
    person = {
        place: number for number, one in enumerate(people(component, rules)) for place in one.places
    }
    return {
        leaf: into
        for leaf, into in over.items()
        if person[leaf] == person[into] and leaf not in barred and into not in barred
    }


def _combine(home: Working, over: dict[int, int]) -> None:
    """Add the parts of leaves to the parts of what they hang on."""
    nodes = home.component.nodes
    parts: dict[int, list[Part]] = {}
    absorbed: dict[int, int] = {}
    for leaf, into in over.items():
        part = nodes[leaf].part
        absorbed[into] = absorbed.get(into, 0) + 1 + nodes[leaf].absorbed
        if part is not None:
            parts.setdefault(into, []).append(part)
    for into, number in absorbed.items():
        own = nodes[into].part
        all_parts = parts.get(into, []) + ([own] if own is not None else [])
        nodes[into] = nodes[into]._replace(
            part=combined(all_parts) if all_parts else None,
            absorbed=nodes[into].absorbed + number,
        )
