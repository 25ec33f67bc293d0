"""Components of both sides that share an identifier: what can be compared, and written, by itself.

Ids of components depend on the order of arrival, and a state that something went wrong with may
hold anything. So nothing is taken for granted here: a home that leads nowhere, a component that
can not be read, a node in two of them are read as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import redis

from services.common.batch import unpack_state
from services.profile.domain.component import Component
from services.profile.domain.erasing import ERASED
from services.profile.domain.ids import NODE_BYTES
from services.profile.domain.leaves import ABSORBED_MARK
from services.profile.store import component_key, node_key, unpack

#: An id of a component or of a node: both are nodes' ids.
Id = bytes


@dataclass(frozen=True, slots=True)
class Held:
    """A component as it stands in Redis; None: it can not be read."""

    version: int
    component: Component | None

    def nodes(self) -> list[Id]:
        return [node.id for node in self.component.nodes] if self.component else []


def led_to(home: bytes) -> Id | None:
    """The component that a node's key says, or the node that it was absorbed into."""
    if len(home) < NODE_BYTES:
        return None
    return home[len(ABSORBED_MARK) :] if is_absorbed(home) else home


def is_absorbed(home: bytes) -> bool:
    """Whether the node is none any more: it became part of another one."""
    return len(home) > NODE_BYTES


def is_erased(home: bytes) -> bool:
    """Whether the node was erased: nothing brings it back."""
    return len(home) < NODE_BYTES and home.endswith(ERASED)


def alike(home: bytes | None, other: bytes | None) -> bool:
    """Whether two keys say the same; when somebody was erased depends on who did it."""
    return home == other or (
        home is not None and other is not None and is_erased(home) and is_erased(other)
    )


class Side:
    """The live state, or the shadow; what was read of it stays as it was."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self.homes: dict[Id, bytes | None] = {}
        self.held: dict[Id, Held | None] = {}

    def see(self, ids: Iterable[Id]) -> set[Id]:
        """Read homes and components of these ids; the ids that these lead to."""
        asked = [one for one in ids if one not in self.homes]
        homes = self._mget([node_key(one) for one in asked])
        bodies = self._mget([component_key(one) for one in asked])
        found: set[Id] = set()
        for one, home, body in zip(asked, homes, bodies, strict=True):
            self.homes[one] = home
            self.held[one] = _held(body) if body is not None else None
            if home is not None and (there := led_to(home)) is not None:
                found.add(there)
            if held := self.held[one]:
                found.update(held.nodes())
        return found

    def _mget(self, keys: list[bytes]) -> list[bytes | None]:
        answers: Any = self._client.mget(keys) if keys else []
        return list(answers)


@dataclass(slots=True)
class Unit:
    """`ids`: all that hang together on either side; `live`, `shadow`: the components among them.

    Homes are as Redis has them: a component's id, or a mark and the node that took the node in, or
    that it was erased.
    """

    ids: set[Id]
    live: dict[Id, Held] = field(default_factory=dict)
    shadow: dict[Id, Held] = field(default_factory=dict)
    live_homes: dict[Id, bytes] = field(default_factory=dict)
    shadow_homes: dict[Id, bytes] = field(default_factory=dict)

    def is_same(self) -> bool:
        """Whether the live state is what it should be, under whatever component ids."""
        return self._is_same(content)

    def is_same_but_history(self) -> bool:
        """The same but for parts whose old history is kept in short on a side: when that was done
        depends on the clock, so of these only the figures can be compared."""
        parts = [
            node.part
            for held in (*self.live.values(), *self.shadow.values())
            for node in (held.component.nodes if held.component else ())
            if node.part is not None
        ]
        return any(part.past for part in parts) and self._is_same(content_without_parts)

    def _is_same(self, content_of: Callable[[Component], tuple[Any, ...]]) -> bool:
        live = _contents(self.live, content_of)
        return (
            live is not None
            and live == _contents(self.shadow, content_of)
            and all(
                self.live_homes.get(node) == key
                for key, held in self.live.items()
                for node in held.nodes()
            )
            and self.live_homes.keys() == self.shadow_homes.keys()
            and all(
                alike(home, self.shadow_homes[one])
                for one, home in self.live_homes.items()
                if len(home) != NODE_BYTES or len(self.shadow_homes[one]) != NODE_BYTES
            )
        )

    def would_bring_back(self) -> bool:
        """Whether the shadow has somebody who was erased: their erasure is not on the log."""
        return any(
            is_erased(home) and not is_erased(self.shadow_homes.get(one, home))
            for one, home in self.live_homes.items()
        )

    def holder(self, node: Id) -> Id:
        """Where the shadow says that a node went, if it was absorbed; else itself."""
        seen: set[Id] = set()
        while node not in seen and (home := self.shadow_homes.get(node)) and is_absorbed(home):
            seen.add(node)
            node = led_to(home) or node
        return node


def units_of(live: Side, shadow: Side, start: Iterable[Id]) -> list[Unit]:
    """All that hangs together with these ids, read from both sides."""
    groups = _Groups()
    fresh = set(start)
    while fresh:
        for one in fresh:
            groups.find(one)
        found: set[Id] = set()
        for side in (live, shadow):
            side.see(fresh)
            for one in fresh:
                found |= groups.join(one, _leads_to(side, one))
        fresh = found
    units: dict[Id, Unit] = {}
    for one in groups.above:
        root = groups.find(one)
        unit = units.setdefault(root, Unit(set()))
        unit.ids.add(one)
        _take(one, live, unit.live, unit.live_homes)
        _take(one, shadow, unit.shadow, unit.shadow_homes)
    return list(units.values())


def _leads_to(side: Side, one: Id) -> set[Id]:
    home, held = side.homes[one], side.held[one]
    there = led_to(home) if home is not None else None
    ids = {there} if there is not None else set()
    return ids | set(held.nodes()) if held is not None else ids


def _take(one: Id, side: Side, into: dict[Id, Held], homes: dict[Id, bytes]) -> None:
    if held := side.held[one]:
        into[one] = held
    if (home := side.homes[one]) is not None:
        homes[one] = home


class _Groups:
    """Union-find of ids."""

    def __init__(self) -> None:
        self.above: dict[Id, Id] = {}

    def find(self, one: Id) -> Id:
        above = self.above
        above.setdefault(one, one)
        while above[one] != one:
            above[one] = one = above[above[one]]
        return one

    def join(self, one: Id, others: set[Id]) -> set[Id]:
        """They hang together; those that are new."""
        new = {other for other in others if other not in self.above}
        for other in others:
            self.above[self.find(other)] = self.find(one)
        return new


def _held(value: bytes) -> Held:
    version, body = unpack_state(value)
    try:
        return Held(version, unpack(body))
    except (msgspec.DecodeError, ValueError):
        return Held(version, None)


def _contents(
    components: Mapping[Id, Held], content_of: Callable[[Component], tuple[Any, ...]]
) -> list[Any] | None:
    """Comparable, whatever the order of nodes and links; None: something can not be read."""
    found = []
    for held in components.values():
        if held.component is None:
            return None
        found.append(content_of(held.component))
    return sorted(found, key=lambda one: min(one[1]) if one[1] else b"")


def content(component: Component) -> tuple[Any, ...]:
    """Nodes by id; links and the like as sorted lists, with ids for places; not the rules' mark."""
    ids = [node.id for node in component.nodes]
    nodes = {node.id: node for node in component.nodes}
    links = sorted((ids[a], ids[b], repr(rest)) for a, b, *rest in component.links)
    loose = sorted((ids[place], repr(rest)) for place, *rest in component.loose)
    apart = sorted((ids[a], ids[b], repr(rest)) for a, b, *rest in component.apart)
    return component.workspace, nodes, len(ids), links, loose, apart, sorted(component.since)


def content_without_parts(component: Component) -> tuple[Any, ...]:
    """The same without what events have left in the nodes, but for which have a part."""
    workspace, nodes, *rest = content(component)
    bare = {one: (*node._replace(part=None), node.part is not None) for one, node in nodes.items()}
    return workspace, bare, *rest
