"""Who looks otherwise than they should: profiles of one side against those of the other. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from services.common.masking import masked
from services.profile.domain.component import Component
from services.profile.domain.people import Person, Rules, people
from services.profile.outputs import Publications
from services.profile.rebuild.units import Held, Id

#: What says when a snapshot was made, not what is in it.
_MADE: Final = ("version", "updated_at", "rebuilt_version")
#: Figures whose values may be shown: everything else could name somebody.
_PLAIN: Final = (int, float, bool, type(None))
EXAMPLES_MAX: Final = 5
FIGURES_SHOWN_MAX: Final = 5
TEXT_SHOWN_MAX: Final = 60


@dataclass(slots=True)
class Faces:
    """How components look from outside. `snapshots`: profile id -> facts; `leads`: id of a node
    with events -> the profile that they count for, itself included."""

    snapshots: dict[Id, dict[str, Any]] = field(default_factory=dict)
    leads: dict[Id, Id] = field(default_factory=dict)
    persons: dict[Id, tuple[Id, Component, Person]] = field(default_factory=dict)


def faces_of(
    held: Mapping[Id, Held], rules: Mapping[str, Rules], publications: Publications
) -> Faces:
    """The people of components by the rules in force; what can not be read has none."""
    faces = Faces()
    for key, one in held.items():
        component = one.component
        if component is None:
            continue
        for person in people(component, rules[component.workspace]):
            if person.id is None:
                continue
            shown = publications.shown(b"", 0, component, person)
            facts: dict[str, Any] = msgspec.json.decode(shown.value)
            for name in _MADE:
                facts.pop(name, None)
            faces.snapshots[person.id] = facts
            faces.persons[person.id] = (key, component, person)
            for place in person.places:
                if component.nodes[place].part is not None:
                    faces.leads[component.nodes[place].id] = person.id
    return faces


@dataclass(slots=True)
class Difference:
    """One profile id. `how`: changed, missing, gone, or moved (it leads to another profile now)."""

    profile: Id
    how: str
    figures: dict[str, tuple[Any, Any]] = field(default_factory=dict)


def differences(live: Faces, right: Faces) -> list[Difference]:
    """Every profile id that looks otherwise."""
    found = []
    for profile, facts in right.snapshots.items():
        known = live.snapshots.get(profile)
        if known is None:
            found.append(Difference(profile, "missing"))
        elif known != facts:
            found.append(Difference(profile, "changed", dict(_figures(known, facts))))
    for profile in live.snapshots.keys() - right.snapshots.keys():
        found.append(Difference(profile, "moved" if profile in right.leads else "gone"))
    return found


def _figures(live: Any, right: Any, name: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Name with dots -> (live, right) of every figure that differs."""
    if isinstance(live, dict) and isinstance(right, dict):
        for key in sorted(live.keys() | right.keys()):
            below = f"{name}.{key}" if name else key
            yield from _figures(live.get(key), right.get(key), below)
    elif live != right:
        yield name, (live, right)


@dataclass(slots=True)
class Tally:
    """What a comparison found; values are masked.

    unseen   units that look right and keep something else than they should (what decides between
             later words, say)
    erased   identifiers that were erased, by an order that is no more on the log: they stay erased
    older    components that began before the log does, and were left as they are
    foreign  components of workspaces that are not configured, left as well
    """

    components: int = 0
    people: int = 0
    differing: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    unseen: int = 0
    older: int = 0
    erased: int = 0
    foreign: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """What another part of the state has."""
        self.components += other.components
        self.people += other.people
        self.differing.update(other.differing)
        self.figures.update(other.figures)
        self.unseen += other.unseen
        self.older += other.older
        self.erased += other.erased
        self.foreign += other.foreign
        self.examples = (self.examples + other.examples)[:EXAMPLES_MAX]

    def note(self, found: Iterable[Difference]) -> None:
        """The differences of one unit that is not what it should be."""
        any_seen = False
        for one in found:
            any_seen = True
            self.differing[one.how] += 1
            self.figures.update(_group(name) for name in one.figures)
            if len(self.examples) < EXAMPLES_MAX:
                self.examples.append(_example(one))
        self.unseen += not any_seen


def _group(name: str) -> str:
    """`traits.email` names a trait that somebody chose: it is counted as `traits`."""
    return ".".join(name.split(".")[:1] if name.startswith("traits") else name.split(".")[:2])


def _example(one: Difference) -> dict[str, Any]:
    shown = {
        _group(name): {"live": _masked(live), "right": _masked(right)}
        for name, (live, right) in list(one.figures.items())[:FIGURES_SHOWN_MAX]
    }
    return {"profile_id": one.profile.hex(), "how": one.how, "figures": shown}


def _masked(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, str):
        return masked(value) if value[:1].isdigit() else f"{len(value)} characters"
    return f"{len(value)} entries" if isinstance(value, dict | list) else "…"
