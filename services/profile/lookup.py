"""One component as Redis has it now, found by a node: what commands and the API look at."""

from __future__ import annotations

from typing import NamedTuple

from services.profile.domain.component import Component
from services.profile.domain.people import Person, people
from services.profile.domain.rules import Rules
from services.profile.store import Loaded, ProfileStore


class Located(NamedTuple):
    """The component that a node is in. `here`: False where the node was folded into another one."""

    node: bytes
    loaded: Loaded
    here: bool

    @property
    def component(self) -> Component:
        return self.loaded.component

    def person(self, rules: Rules) -> Person | None:
        """Who the node counts for; None where it was folded into another one."""
        ids = [node.id for node in self.component.nodes]
        if not self.here:
            return None
        place = ids.index(self.node)
        return next(one for one in people(self.component, rules) if place in one.places)


def located(store: ProfileStore, workspace: str, node: bytes) -> Located | None:
    """Where a node is; None where this workspace knows no such identifier or profile."""
    loaded, _ = store.load([node])
    for one in loaded.values():
        if one.component.workspace == workspace:
            return Located(node, one, any(node == each.id for each in one.component.nodes))
    return None
