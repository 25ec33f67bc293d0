"""The truth's events through ProfileHandler.decide, the code of the service: its groups of keys.

Redis is a dict here (that of the unit tests), for the time of a round trip says nothing about who
is who: reads, decisions and commits are the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from resource import RUSAGE_SELF, getrusage

from services.common.workspace import Workspace
from services.profile.domain.component import Component, kind_name
from services.profile.domain.hubs import hub_places
from services.profile.domain.people import Rules, people
from services.profile.store import component_key, unpack
from services.profile.stream import rules_of
from tests.bench.truth.people import Key
from tests.unit.profile_builders import Run

BATCH = 2_000


@dataclass(slots=True)
class Graph:
    """What became of the events."""

    components: list[Component]
    rules: Rules
    seconds: float
    memory_mb: float

    def groups(self) -> Iterator[list[Key]]:
        """The keys of each person."""
        for component in self.components:
            keys = [(kind_name(node.kind), node.value) for node in component.nodes]
            for person in people(component, self.rules):
                yield [keys[place] for place in person.places]

    def hubs(self) -> int:
        return sum(len(hub_places(one, self.rules)) for one in self.components)

    def refused(self) -> int:
        """Links between two persons, seen from each."""
        return sum(
            person.refused_links for one in self.components for person in people(one, self.rules)
        )


def graph_of(events: Iterable[bytes], workspace: Workspace) -> Graph:
    """Batch by batch, as the service takes them."""
    run, began = Run(workspace), time.process_time()
    pending = iter(events)
    while batch := list(islice(pending, BATCH)):
        run.take_raw(*batch)
        run.outputs.clear()
        run.topic.clear()
    seconds = time.process_time() - began
    bodies = [value for key, value in run.redis.values.items() if key[:2] == component_key(b"")]
    components = [unpack(body[8:]) for body in bodies]
    memory_mb = getrusage(RUSAGE_SELF).ru_maxrss / 1_024
    return Graph(components, rules_of(workspace), seconds, memory_mb)
