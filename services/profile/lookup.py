"""One component as Redis has it now, found by a node: what commands and the API look at."""

from __future__ import annotations

from typing import NamedTuple

from services.profile.domain.component import Component
from services.profile.domain.people import Person, people
from services.profile.domain.rules import Rules
from services.profile.store import Loaded, ProfileStore


class Located(NamedTuple):
    """A node, or the one that it was absorbed into (`absorbed`), in its component."""

    node: bytes
    loaded: Loaded
    absorbed: bool

    @property
    def component(self) -> Component:
        return self.loaded.component

    def person(self, rules: Rules) -> Person:
        """Whom the node counts for."""
        place = [node.id for node in self.component.nodes].index(self.node)
        return next(one for one in people(self.component, rules) if place in one.places)


def located(store: ProfileStore, workspace: str, node: bytes) -> Located | None:
    """Where a node is; None where this workspace knows no such identifier or profile."""
    found = store.load([node])
    here = found.absorbed.get(node, node)
    for one in found.components.values():
        if one.component.workspace == workspace and any(
            each.id == here for each in one.component.nodes
        ):
            return Located(here, one, here != node)
    return None
