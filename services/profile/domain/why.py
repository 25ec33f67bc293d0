"""Why two identifiers are one person, or why they are not: the links between them, to be followed.

Pure. The API and `rapport identity why` show what is found here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from services.profile.domain.component import (
    COMPONENT_NODES_MAX,
    PARTED,
    PARTED_PUBLIC,
    PUBLIC_SHARE,
    REQUESTED_PUBLIC,
    Component,
    Link,
    Refusal,
    kind_name,
)
from services.profile.domain.grouping import RefusedLink, joining_links
from services.profile.domain.people import Person, people
from services.profile.domain.rules import Rules
from services.profile.domain.ties import PUBLIC, SAYS, TRUSTED, End, Tie, way, ways


class Answer(StrEnum):
    """One person; not, because a link between them was refused; or nothing ties them."""

    ONE = "one_person"
    REFUSED = "refused"
    NOTHING = "nothing"


class Why(NamedTuple):
    """`profiles`: whom the two count for (None: nobody yet). `chain`: the links from the first to
    the second, the fewest refused, then the fewest, then the earliest. `apart`: the words that hold
    people of a chain apart."""

    answer: Answer
    profiles: tuple[bytes | None, bytes | None] = (None, None)
    chain: tuple[Tie, ...] = ()
    apart: tuple[Tie, ...] = ()


class Whole(NamedTuple):
    """All that makes one person of somebody's identifiers: from the first, link by link. `refused`:
    links of theirs that joined nobody."""

    profile: bytes | None
    identifiers: tuple[End, ...]
    ties: tuple[Tie, ...]
    refused: tuple[Tie, ...]


def why(components: Sequence[Component], rules: Rules, one: bytes, other: bytes) -> Why:
    """`components`: the one that both nodes are in, or that of each."""
    graph = _Graph(components, rules)
    persons = graph.person_of[one], graph.person_of[other]
    profiles = persons[0].id, persons[1].id
    if persons[0] is persons[1]:
        return Why(Answer.ONE, profiles, graph.reason(one, other))
    chain = way(one, other, [*graph.joined, *graph.refused])
    if chain is None:
        return Why(Answer.NOTHING, profiles)
    return Why(Answer.REFUSED, profiles, chain, graph.words_between(chain))


def apart_between(
    components: Sequence[Component], rules: Rules, one: bytes, other: bytes
) -> tuple[Tie, ...]:
    """The words that hold the people of two nodes apart."""
    graph = _Graph(components, rules)
    return graph.words([frozenset(id(graph.person_of[node]) for node in (one, other))])


def whole(component: Component, rules: Rules, node: bytes) -> Whole:
    """Everything that ties the person of a node."""
    graph = _Graph([component], rules)
    person = graph.person_of[node]
    members = {component.nodes[place].id for place in person.places}
    mine = tuple(
        tie for tie in graph.refused if tie.one.node in members or tie.other.node in members
    )
    ties = graph.tree(node)
    ends = (graph.ends[node], *(tie.other for tie in ties))
    return Whole(person.id, ends, ties, mine)


class _Graph:
    """The ties of one or two components. `joined`: those that made one of two groups; `repeated`:
    trusted ones that say the same of people who were one by then."""

    def __init__(self, components: Sequence[Component], rules: Rules) -> None:
        self.ends: dict[bytes, End] = {}
        self.person_of: dict[bytes, Person] = {}
        self.joined: list[Tie] = []
        self.repeated: list[Tie] = []
        self.refused: list[Tie] = []
        self._apart: list[Tie] = []
        self._rules = rules
        self._components = components
        for component in components:
            for node in component.nodes:
                self.ends[node.id] = End(node.id, kind_name(node.kind), node.value)
        for component in components:
            self._add(component)

    def _add(self, component: Component) -> None:
        nodes = component.nodes
        persons = people(component, self._rules)
        for person in persons:
            for place in person.places:
                self.person_of[nodes[place].id] = person
        joined = set(joining_links(component, self._rules))
        for link in component.links:
            ends = [self.person_of[nodes[place].id] for place in link[:2]]
            if link in joined:
                self.joined.append(self._tie(component, link))
            elif ends[0] is ends[1] and link.rule in TRUSTED:
                self.repeated.append(self._tie(component, link))
        told = {one for person in persons for one in person.refused}
        for one in sorted(told, key=lambda one: (one.link.at, one.link.event, one.link[:2])):
            self.refused.append(self._refusal(component, one))
        self._apart += [
            self._tie(component, Link(a, b, at, event, PARTED))
            for a, b, at, event in component.apart
        ]

    def _tie(self, component: Component, link: Link) -> Tie:
        one, other = (self.ends[component.nodes[place].id] for place in link[:2])
        return Tie(one, other, link.event, link.at, SAYS[link.rule], link.rule in PUBLIC)

    def _refusal(self, component: Component, refused: RefusedLink) -> Tie:
        link, outside = refused.link, refused.outside
        one = self.ends[component.nodes[link.a].id]
        if outside is None:
            other = self.ends[component.nodes[link.b].id]
        else:
            unknown = End(outside.other, kind_name(outside.kind), None)
            other = self.ends.get(outside.other, unknown)
        tie = Tie(one, other, link.event, link.at, SAYS[link.rule], link.rule in PUBLIC)
        return tie._replace(refused=refused.reason, because=self._because(component, tie, refused))

    def _because(self, component: Component, tie: Tie, refused: RefusedLink) -> str:
        match refused.reason:
            case Refusal.LIMIT:
                return self._too_many(component, refused.link)
            case Refusal.HUB:
                return self._crowded(component, refused)
            case Refusal.TOO_LARGE:
                most, by_public = COMPONENT_NODES_MAX, COMPONENT_NODES_MAX // PUBLIC_SHARE
                at_most = f"at most {most}, by public keys {by_public}"
                return f"too many identifiers, or links of theirs, would hang together ({at_most})"
            case Refusal.PUBLIC_KEY if refused.link.rule in (REQUESTED_PUBLIC, PARTED_PUBLIC):
                return "a request that comes with a public key has no effect"
            case reason:
                return _BECAUSE[reason]

    def _crowded(self, component: Component, refused: RefusedLink) -> str:
        link, outside, nodes = refused.link, refused.outside, component.nodes
        kinds = [nodes[link.a].kind, outside.kind if outside else nodes[link.b].kind]
        most = {kind_name(kind): self._rules.hub_degree(kind) for kind in kinds}
        told = " and ".join(f"{kind} at most {degree}" for kind, degree in sorted(most.items()))
        return f"one of them has too many neighbours ({told}) and stopped linking"

    def _too_many(self, component: Component, link: Link) -> str:
        nodes = component.nodes
        places = {place for end in link[:2] for place in self.person_of[nodes[end].id].places}
        kinds = [nodes[place].kind for place in places]
        over = [
            f"{kinds.count(kind)} {kind_name(kind)} (at most {self._rules.limit(kind)})"
            for kind in dict.fromkeys(kinds)
            if kinds.count(kind) > self._rules.limit(kind)
        ]
        return f"one person would have {' and '.join(sorted(over)) or 'too many of a kind'}"

    def words_between(self, chain: Iterable[Tie]) -> tuple[Tie, ...]:
        """What was said to hold apart the people of links that were refused for it."""
        return self.words(
            frozenset(id(self.person_of[end.node]) for end in tie[:2])
            for tie in chain
            if tie.refused is Refusal.SET_APART and tie.says != SAYS[PARTED]
        )

    def words(self, sides: Iterable[frozenset[int]]) -> tuple[Tie, ...]:
        """The words about a node of one person and one of the other, for pairs of people."""
        wanted = set(sides)
        return tuple(
            tie
            for tie in self._apart
            if frozenset(id(self.person_of[end.node]) for end in tie[:2]) in wanted
        )

    def reason(self, one: bytes, other: bytes) -> tuple[Tie, ...]:
        """The ties that make two nodes one person. What only repeats is a reason where it would
        have been enough, alone: a limit may refuse what came after a request had joined them."""
        short = way(one, other, [*self.joined, *self.repeated])
        if short is None or not self._is_enough(short):
            short = way(one, other, self.joined)
        assert short is not None, "links have joined those who are one person"
        return short

    def _is_enough(self, chain: Sequence[Tie]) -> bool:
        """Whether the links of a chain make one person, if there were no others."""
        said = {(tie.event, tie.says, frozenset((tie.one.node, tie.other.node))) for tie in chain}
        ids = {end.node for tie in chain for end in tie[:2]}
        for component in self._components:
            nodes = component.nodes
            kept = [place for place, node in enumerate(nodes) if node.id in ids]
            now = {place: number for number, place in enumerate(kept)}
            links = [
                link._replace(a=now[link.a], b=now[link.b])
                for link in component.links
                if link.rule in SAYS
                and (link.event, SAYS[link.rule], frozenset((nodes[link.a].id, nodes[link.b].id)))
                in said
            ]
            alone = [nodes[place] for place in kept]
            part = component._replace(nodes=alone, links=links, loose=[], apart=())
            if kept and len(people(part, self._rules)) == 1:
                return True
        return not chain

    def tree(self, one: bytes) -> tuple[Tie, ...]:
        """The ties by which the others of the person hang on this one, the nearest first."""
        return tuple(tie for tie in ways(one, self.joined).values() if tie is not None)


#: Of the reasons that need no figures.
_BECAUSE: Final = {
    Refusal.PUBLIC_KEY: "a public key joins no two known people",
    Refusal.WEAK: "an identifier of a kind that only attaches joins no two known people",
    Refusal.SET_APART: "they were set apart on request",
    Refusal.ABSORBED: "the identifier was folded into the one it hung on",
    Refusal.BLOCKED: "one of them names nobody by the rules",
}
