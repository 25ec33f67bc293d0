"""What a batch changed about the people of a component: whom to show anew, whom to redirect."""

from __future__ import annotations

from typing import NamedTuple

from services.profile.domain.leaves import LEAVES_MAX, absorb
from services.profile.domain.people import Person, Rules, people
from services.profile.domain.working import Working, appearance


class Redirect(NamedTuple):
    """The id `lost` (of a node that events count for) leads to `kept`: a profile, or an id that
    leads there."""

    lost: bytes
    kept: bytes
    was_shown: bool


class Changes(NamedTuple):
    """`person_of`: place of a node -> its person. `shown`: the persons to publish."""

    person_of: dict[int, Person]
    shown: list[Person]
    redirects: list[Redirect]


def changes(working: Working, rules: Rules) -> Changes:
    """Persons whose facts, members or refused links changed, and ids that lead elsewhere now."""
    if working.component.rules != rules.mark:
        working.show_anew(rules.mark)
    if len(working.component.nodes) > LEAVES_MAX:
        absorb(working, rules)
    persons = working.persons
    if persons is None:
        persons = working.persons = people(working.component, rules)
    if len(persons) == 1:
        person_of = dict.fromkeys(persons[0].places, persons[0])
        if working.before is None:
            return Changes(person_of, persons if working.touched else [], [])
    else:
        person_of = {place: person for person in persons for place in person.places}
    if working.before is None:
        shown = {person_of[place].id: person_of[place] for place in working.touched}
        return Changes(person_of, list(shown.values()), [])
    touched = {person_of[place].id for place in working.touched}
    shown_list = [
        person
        for person in persons
        if person.id is not None and (person.id in touched or _looks_new(working, person))
    ]
    return Changes(person_of, shown_list, _redirects(working, shown_list))


def _looks_new(working: Working, person: Person) -> bool:
    assert working.before is not None
    assert person.id is not None
    return working.before.get(person.id) != appearance(working.component, person)


def _redirects(working: Working, shown: list[Person]) -> list[Redirect]:
    """Every node that could have been a profile's id, once it leads to another one.

    That includes nodes that never were one for as long as we remember: if Redis came back with
    less than was published, the topic may know more than we do. And those that were absorbed now:
    they lead to the node that has their part, as nothing here will know of them when it is parted
    from whom it is one with today.
    """
    redirects = []
    left: dict[int, list[bytes]] = {}
    for leaf in working.shown:
        left.setdefault(working.places[leaf], []).append(leaf)
    for person in shown:
        assert person.id is not None
        for place in person.places:
            node = working.component.nodes[place]
            ends = [(one, node.id) for one in left.get(place, ())]
            if node.part is not None and node.id != person.id:
                ends.append((node.id, person.id))
            for one, end in ends:
                if redirect := _redirect(working, one, end):
                    redirects.append(redirect)
    return redirects


def _redirect(working: Working, node: bytes, end: bytes) -> Redirect | None:
    assert working.before is not None
    before = working.before.get(node)
    if before is not None and before[0] == end:
        return None
    return Redirect(node, end, before is not None and before[0] == node)
