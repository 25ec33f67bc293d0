"""Both sides at one moment of the log: which units differ, and which moved while they were read.

Live traffic goes on. A unit is compared only when nothing of it changed on either side between its
reading and the moment at which the shadow had read exactly as far as the live state; the others are
handed back, to be looked at again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import redis

from services.common.batch import VERSION_BYTES
from services.common.redis_store import RedisStore
from services.profile.domain.part import BORN
from services.profile.domain.people import Rules, people
from services.profile.outputs import Publications
from services.profile.rebuild.differences import Difference, Faces, Tally, differences, faces_of
from services.profile.rebuild.shadow import Shadow
from services.profile.rebuild.units import Held, Id, Side, Unit, units_of
from services.profile.store import component_key, node_key
from services.profile.stream import SERVICE

_PREFIX_BYTES = len(component_key(b""))


@dataclass(frozen=True, slots=True)
class Differing:
    """A unit that is not what it should be, how both sides look, and in what people see it.

    `stale`: ids that were shown by other rules than those in force, whatever they look like.
    """

    unit: Unit
    live: Faces
    right: Faces
    found: Sequence[Difference]
    stale: frozenset[Id] = frozenset()

    def members(self) -> Iterator[tuple[Id, set[Id]]]:
        """Profile ids of the shadow with the ids of all their nodes."""
        for profile, (_, component, person) in self.right.persons.items():
            yield profile, {component.nodes[place].id for place in person.places}


@dataclass(slots=True)
class Compared:
    """`same`: what was counted of units that need nothing. `moved`: ids to look at again."""

    same: Tally = field(default_factory=Tally)
    differing: list[Differing] = field(default_factory=list)
    moved: list[Id] = field(default_factory=list)


class Comparing:
    """`whole_since`: who has a part from before is left as is, for the log no longer has it all."""

    def __init__(
        self,
        live: redis.Redis,
        shadow: tuple[redis.Redis, Shadow],
        partitions: int,
        faces: tuple[Mapping[str, Rules], Publications],
        whole_since: datetime | None = None,
    ) -> None:
        self._live = live
        self._shadow_client, self._shadow = shadow
        self._places = RedisStore(live, SERVICE)
        self._partitions = range(partitions)
        self._rules, self._show = faces
        self._whole_since = whole_since
        self._at: Mapping[int, int] = {}

    def until(self) -> dict[int, int]:
        """How far the live state has read; a partition without a place was never read."""
        places = self._places.places(self._partitions)
        return {partition: place.offset or 0 for partition, place in places.items()}

    def compare(self, ids: Collection[Id]) -> Compared:
        """The units of these ids."""
        self._shadow.follow(self.until())
        live, right = Side(self._live), Side(self._shadow_client)
        units = units_of(live, right, ids)
        changed = self._changed(live)
        changed |= self._shadow_changed()
        compared, asked = Compared(), set(ids)
        for unit in units:
            if changed.isdisjoint(unit.ids):
                self._judge(unit, asked, compared)
            else:
                compared.moved.append(min(unit.ids & asked))
        return compared

    def _changed(self, live: Side) -> set[Id]:
        """The ids whose live home or component is another by now; seen in one moment, whose place
        is read with it. The shadow is led there."""
        nodes = list(live.homes)
        components = [(one, held) for one, held in live.held.items() if held is not None]
        asked = self._live.pipeline(transaction=True)
        asked.mget([f"p:{SERVICE}:{partition}" for partition in self._partitions])
        asked.mget([node_key(one) for one in nodes])
        for one, _ in components:
            asked.getrange(component_key(one), 0, VERSION_BYTES - 1)
        places, homes, *versions = asked.execute()
        self._at = {
            partition: max(0, int(place.split(b":")[0])) if place else 0
            for partition, place in zip(self._partitions, places, strict=True)
        }
        changed = {one for one, home in zip(nodes, homes, strict=True) if home != live.homes[one]}
        for (one, held), version in zip(components, versions, strict=True):
            if int.from_bytes(version, "big") != held.version:
                changed.add(one)
        return changed

    def _shadow_changed(self) -> set[Id]:
        """Lead the shadow to the moment of `_changed`; the ids that it wrote on the way."""
        return {key[_PREFIX_BYTES:] for key in self._shadow.follow(self._at)}

    def _judge(self, unit: Unit, asked: set[Id], compared: Compared) -> None:
        counted = unit.live.keys() & asked
        if any(self._is_foreign(held) for held in unit.live.values()):
            compared.same.foreign += len(counted)
            return
        if unit.is_same():
            self._count(unit, counted, compared)
            return
        if unit.would_bring_back():
            compared.same.erased += len(unit.live_homes)
            return
        if self._whole_since is not None and not _is_whole(unit, self._whole_since):
            compared.same.older += len(counted)
            return
        live = faces_of(unit.live, self._rules, self._show)
        right = faces_of(unit.shadow, self._rules, self._show)
        found, stale = differences(live, right), self._stale(unit)
        if not found and live.leads == right.leads and unit.is_same_but_history():
            self._count(unit, counted, compared)
            return
        compared.differing.append(Differing(unit, live, right, found, stale))

    def _count(self, unit: Unit, counted: set[Id], compared: Compared) -> None:
        compared.same.components += len(counted)
        compared.same.people += sum(self._people_of(unit.live[key]) for key in counted)

    def _stale(self, unit: Unit) -> frozenset[Id]:
        components = [one.component for one in unit.live.values() if one.component is not None]
        return frozenset(
            node.id
            for component in components
            if component.rules != self._rules[component.workspace].mark
            for node in component.nodes
        )

    def _is_foreign(self, held: Held) -> bool:
        """Of a workspace that is not configured (any more): the shadow has nothing of it."""
        return held.component is not None and held.component.workspace not in self._rules

    def _people_of(self, held: Held) -> int:
        component = held.component
        if component is None:
            return 0
        known = people(component, self._rules[component.workspace])
        return sum(person.id is not None for person in known)


def _is_whole(unit: Unit, since: datetime) -> bool:
    """Whether the log still has all of it: there, and first heard of since then."""
    parts = [
        node.part
        for held in (*unit.live.values(), *unit.shadow.values())
        for node in (held.component.nodes if held.component else ())
        if node.part is not None
    ]
    known = any(held.component is not None for held in unit.live.values())
    return known and all(part.seen[BORN] >= since for part in parts)
