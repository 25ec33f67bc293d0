"""What other rules make of a component's people: who stays, who merges, who splits, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from services.profile.domain.component import Component, Refusal, kind_name
from services.profile.domain.people import Person, people
from services.profile.domain.rules import Rules

#: A refused link, told once by each of its people.
Key = tuple[int, int, bytes, int]


class Fate(StrEnum):
    """What becomes of profiles: they STAY as they are, are ALTERED (another identifier, id or
    refused link), MERGE into one, SPLIT into several, or are MIXED: several become several."""

    STAY = "stay"
    ALTERED = "altered"
    MERGE = "merge"
    SPLIT = "split"
    MIXED = "mixed"


class Shape(NamedTuple):
    """A person without values: its profile id and how many identifiers of which kind it has."""

    profile: bytes
    kinds: dict[str, int]


class Regrouping(NamedTuple):
    """Profiles that become others: the fewest that share their identifiers with nobody else.

    `reasons`: of links between them that are newly refused, or not refused any more.
    """

    fate: Fate
    before: tuple[Shape, ...]
    after: tuple[Shape, ...]
    reasons: frozenset[Refusal]


class Change(NamedTuple):
    """Of one component. `differs`: whether anybody looks different, and must be shown anew.

    stay             profiles that look as they did
    regroupings      all others
    gone, new        ids that stop, and that begin, to be a profile
    refused          how many links will be refused that were not, by the reason
    allowed          how many will not be any more, by the former reason
    """

    differs: bool
    stay: int
    regroupings: tuple[Regrouping, ...]
    gone: int
    new: int
    refused: Counter[Refusal]
    allowed: Counter[Refusal]


_NONE: Final[Counter[Refusal]] = Counter()


def change(component: Component, before: Rules, after: Rules) -> Change:
    """The people of the component by the rules in force, and by others."""
    were, will = people(component, before), people(component, after)
    if were == will:  # nearly all
        return Change(False, sum(one.id is not None for one in were), (), 0, 0, _NONE, _NONE)
    old, new = _refused(were), _refused(will)
    refused = {key: reason for key, reason in new.items() if key not in old}
    allowed = {key: reason for key, reason in old.items() if key not in new}
    ids = {one.id for one in were} - {None}
    ids_after = {one.id for one in will} - {None}
    grouped = list(_regroupings(component, were, will, refused | allowed))
    stay = sum(len(one.before) for one in grouped if one.fate is Fate.STAY)
    return Change(
        _looks(were) != _looks(will),
        stay,
        tuple(one for one in grouped if one.fate is not Fate.STAY),
        len(ids - ids_after),
        len(ids_after - ids),
        Counter(refused.values()),
        Counter(allowed.values()),
    )


def _refused(persons: Iterable[Person]) -> dict[Key, Refusal]:
    return {
        (one.link.a, one.link.b, one.link.event, one.link.rule): one.reason
        for person in persons
        for one in person.refused
    }


def _looks(persons: Iterable[Person]) -> set[object]:
    """As they are shown, in any order."""
    return {
        (one.id, frozenset(one.places), frozenset(one.refused), one.hub_links) for one in persons
    }


def _regroupings(
    component: Component,
    were: Sequence[Person],
    will: Sequence[Person],
    changed: dict[Key, Refusal],
) -> Iterator[Regrouping]:
    """Sets of shown persons, before and after, that have identifiers in common."""
    owner = {place: number for number, person in enumerate(will) for place in person.places}
    roots = list(range(len(will)))
    for person in were:
        if person.id is not None:
            places = [place for place in person.places if will[owner[place]].id is not None]
            for place in places[1:]:
                _unite(roots, owner[places[0]], owner[place])
    groups: dict[int, tuple[list[Person], list[Person]]] = {}
    for number, person in enumerate(will):
        if person.id is not None:
            groups.setdefault(_root(roots, number), ([], []))[1].append(person)
    for person in were:
        if person.id is not None:
            place = next(place for place in person.places if will[owner[place]].id is not None)
            groups[_root(roots, owner[place])][0].append(person)
    for before, after in groups.values():
        yield _regrouping(component, before, after, changed)


def _regrouping(
    component: Component, before: list[Person], after: list[Person], changed: dict[Key, Refusal]
) -> Regrouping:
    places = {place for person in (*before, *after) for place in person.places}
    reasons = frozenset(reason for key, reason in changed.items() if places & {key[0], key[1]})
    shapes = [tuple(_shape(component, one) for one in persons) for persons in (before, after)]
    return Regrouping(_fate(before, after), shapes[0], shapes[1], reasons)


def _fate(before: list[Person], after: list[Person]) -> Fate:
    match len(before), len(after):
        case 1, 1:
            return Fate.STAY if _looks(before) == _looks(after) else Fate.ALTERED
        case _, 1:
            return Fate.MERGE
        case 1, _:
            return Fate.SPLIT
        case _:
            return Fate.MIXED


def _shape(component: Component, person: Person) -> Shape:
    assert person.id is not None, "only shown persons have a shape"
    kinds = Counter(kind_name(component.nodes[place].kind) for place in person.places)
    return Shape(person.id, dict(sorted(kinds.items())))


def _root(roots: list[int], number: int) -> int:
    while roots[number] != number:
        number = roots[number]
    return number


def _unite(roots: list[int], one: int, other: int) -> None:
    roots[_root(roots, other)] = _root(roots, one)
