"""The part of the identity graph that a batch touches: events are linked and folded into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from services.profile.domain.component import (
    ASKING,
    CLASS_OF,
    COMPONENT_LINKS_MAX,
    FORBIDDEN,
    PARTED,
    PUBLIC,
    PUBLIC_SHARE,
    REQUESTED,
    TOGETHER,
    TOGETHER_PUBLIC,
    Component,
    Link,
    Loose,
    Node,
    Refusal,
    Since,
    is_too_large,
    kind_code,
)
from services.profile.domain.event import (
    Aliased,
    Event,
    MergeRequested,
    Name,
    UnmergeRequested,
)
from services.profile.domain.fold import fold
from services.profile.domain.hubs import counts
from services.profile.domain.leaves import absorb
from services.profile.domain.part import BORN, new_part
from services.profile.domain.people import Rules
from services.profile.domain.requests import SAID, hold_apart, hold_together
from services.profile.domain.rules import ANONYMOUS
from services.profile.domain.working import Working

#: Loose links that do not count towards a node's being a hub: a node keeps so many of them.
LOOSE_MAX: Final = 200


class Graph:
    """`homes`: node id -> its working component, for every node of every loaded component.

    `absorbed`: leaves that are no nodes any more -> the nodes that they were absorbed into.
    `erased`: nodes of people who were erased; `erasing`: those that are erased now, of which no
    component knows. `since`: erased nodes that are let in again, and are not there yet, with the
    moment (µs) since which they count. `hashed`: (workspace, kind, value) -> the id of a node.
    """

    __slots__ = (
        "absorbed",
        "erased",
        "erasing",
        "hashed",
        "homes",
        "loose_links",
        "rules",
        "since",
    )

    def __init__(
        self, rules: Mapping[str, Rules], hashed: Callable[[str, str, str], bytes]
    ) -> None:
        self.rules = rules
        self.hashed = hashed
        self.homes: dict[bytes, Working] = {}
        self.absorbed: dict[bytes, bytes] = {}
        self.erased: frozenset[bytes] = frozenset()
        self.erasing: set[bytes] = set()
        self.since: dict[bytes, int] = {}
        self.loose_links = 0

    def admit(self, working: Working) -> None:
        """Take in a component as Redis has it."""
        for node in working.places:
            self.homes[node] = working

    def admit_absorbed(self, leaf: bytes, into: bytes) -> None:
        """Take in a leaf that hangs, as Redis says, in the place of a node that was taken in."""
        home = self.homes[into]
        home.places[leaf] = home.places[into]
        self.homes[leaf] = home
        self.absorbed[leaf] = into

    def apply(self, event: Event) -> None:
        """Link the event's strongest identifier with each other one, and fold the event."""
        nodes, homes = event.nodes, self.homes
        strongest = nodes[0]
        for place, node in enumerate(nodes):
            if node not in homes:
                self._create(event.workspace, node, event.names[place])
            if place:
                self._link(strongest, node, event, TOGETHER_PUBLIC if event.public else TOGETHER)
        if event.alias is not None:
            self._say(event, strongest, event.alias)
        self._fold(homes[strongest], strongest, event)

    def _say(self, event: Event, one: bytes, other: bytes) -> None:
        """What the facts say of the strongest identifier and another one."""
        facts = event.facts
        if not isinstance(facts, Aliased | MergeRequested | UnmergeRequested):
            return
        if other not in self.homes:
            name = facts.previous if isinstance(facts, Aliased) else facts.other
            self._create(event.workspace, other, name)
        rule = SAID[type(facts)][event.public]
        if rule not in ASKING or event.public:
            self._link(one, other, event, rule)
        elif one != other and (home := self._together(one, other, event, rule)) is not None:
            low, high = sorted((one, other))
            word = home.places[low], home.places[high], event.at, event.event_id
            hold = hold_together if rule == REQUESTED else hold_apart
            hold(home, word, self.rules[event.workspace])

    def _together(self, one: bytes, other: bytes, event: Event, rule: int) -> Working | None:
        """The component that two nodes share from now on, for a request; None: they can not."""
        if self.absorbed and self._is_absorbed(one, other, event, rule):
            return None
        home, away = self.homes[one], self.homes[other]
        if home is away:
            return home
        if is_too_large(home.component, away.component):
            self._refuse(one, other, event, rule, Refusal.TOO_LARGE)
            return None
        return self._join(home, away)

    def _create(self, workspace: str, node: bytes, name: Name) -> None:
        """A new node is a component of its own, named like it."""
        nodes = [Node(node, kind_code(name.kind), name.value)]
        alone = Component(workspace, nodes, [], [], self.rules[workspace].mark)
        if node in self.since:
            alone = alone._replace(since=(Since(node, self.since[node]),))
        working = Working(node, 0, alone)
        working.before = {}
        working.moved.add(node)
        working.changed = True
        self.homes[node] = working

    def _fold(self, home: Working, node: bytes, event: Event) -> None:
        place = home.places[node]
        found = home.component.nodes[place]
        part = found.part
        if home.before is None and (part is None or event.received < part.seen[BORN]):
            home.remember(self.rules[home.component.workspace])
        if part is None:
            part = new_part(event.at, event.received)
            home.component.nodes[place] = found._replace(part=part)
        fold(part, event)
        home.touched.add(place)
        home.changed = True

    # -- links -----------------------------------------------------------------------------------

    def _link(self, one: bytes, other: bytes, event: Event, rule: int) -> None:
        if one == other:
            return
        if self.absorbed and self._is_absorbed(one, other, event, rule):
            return  # before a look at what is linked: an absorbed one stands in another's place
        home, away = self.homes[one], self.homes[other]
        if home is away and self._repeated(home, one, other, event, rule):
            return
        reason = self._loosened(home, one, away, other, rule)
        if reason is not None:
            self._refuse(one, other, event, rule, reason)
            return
        if home is not away:
            home = self._join(home, away)
        if home.before is None:
            home.remember(self.rules[event.workspace])
        home.add_link(_link_of(home, one, other, event, rule))
        home.changed = True
        if len(home.component.nodes) > home.crowded_at:
            self.absorbed |= absorb(home, self.rules[event.workspace])

    def _repeated(self, home: Working, one: bytes, other: bytes, event: Event, rule: int) -> bool:
        """Whether the pair is linked already; the earliest event that says so is kept."""
        low, high = (one, other) if one < other else (other, one)
        place = home.place_of_link(home.places[low], home.places[high], CLASS_OF[rule])
        if place is None:
            return False
        known = home.component.links[place]
        if event.at > known.at or known.rule == FORBIDDEN:
            return True
        if (event.at, event.event_id, rule) < (known.at, known.event, known.rule):
            home.remember(self.rules[event.workspace])
            home.component.links[place] = _link_of(home, one, other, event, rule)
            home.changed = True
        return True

    def _is_absorbed(self, one: bytes, other: bytes, event: Event, rule: int) -> bool:
        """Whether an end is in another node's place: with that it is one for ever, with all others
        it can not be."""
        ends = self.absorbed.get(one, one), self.absorbed.get(other, other)
        if ends == (one, other):
            return False
        if ends[0] != ends[1]:
            self._refuse(*ends, event, rule, Refusal.ABSORBED)
        elif rule == PARTED:
            home, leaf = self.homes[one], other if other in self.absorbed else one
            when = (event.at, event.event_id, rule)
            self._note(home, Loose(home.places[one], leaf, ANONYMOUS, *when, Refusal.ABSORBED))
        return True

    def _loosened(
        self, home: Working, one: bytes, away: Working, other: bytes, rule: int
    ) -> Refusal | None:
        """Why a link can only be told at its ends."""
        rules = self.rules[home.component.workspace]
        if rule in ASKING:
            return Refusal.PUBLIC_KEY
        if CLASS_OF[rule] == PUBLIC:
            kinds = _node(home, one).kind, _node(away, other).kind
            if rules.knows(kinds[0]) and rules.knows(kinds[1]):
                return Refusal.PUBLIC_KEY
        share = PUBLIC_SHARE if CLASS_OF[rule] == PUBLIC else 1
        if is_too_large(home.component, away.component, share):
            return Refusal.TOO_LARGE
        if home.is_hub(home.places[one], rules):
            return Refusal.HUB
        return Refusal.HUB if away.is_hub(away.places[other], rules) else None

    def _refuse(self, one: bytes, other: bytes, event: Event, rule: int, why: Refusal) -> None:
        """Told at both ends: each shows it, and may become a hub in their turn."""
        self.loose_links += 1
        when = (event.at, event.event_id, rule)
        for node, far in ((one, other), (other, one)):
            home = self.homes[node]
            place = home.places[node]
            known = home.place_of_loose(place, far, CLASS_OF[rule])
            if known is None or when < home.component.loose[known][3:6]:  # else it was said before
                kind = _node(self.homes[far], far).kind
                self._note(home, Loose(place, far, kind, *when, why))

    def _note(self, home: Working, loose: Loose) -> None:
        """The earliest of a pair and class is kept; who has enough of them learns no more."""
        rules, component = self.rules[home.component.workspace], home.component
        known = home.place_of_loose(loose.place, loose.other, CLASS_OF[loose.rule])
        if known is not None:
            if loose[3:] < component.loose[known][3:]:
                home.remember(rules)
                home.replace_loose(known, loose)
                home.changed = True
            return
        if _has_enough(home, loose, rules):
            return
        home.remember(rules)
        home.add_loose(loose)
        home.changed = True

    def _join(self, one: Working, other: Working) -> Working:
        """Two components become one, under the id of the one with more nodes."""
        larger, smaller = one, other
        sizes = len(one.component.nodes), len(other.component.nodes)
        if sizes[0] < sizes[1] or (sizes[0] == sizes[1] and one.key > other.key):
            larger, smaller = other, one
        for working in (larger, smaller):
            if working.before is None:
                working.remember(self.rules[working.component.workspace])
        larger.take_in(smaller)
        for node in smaller.places:
            self.homes[node] = larger
        return larger


def _node(home: Working, node: bytes) -> Node:
    return home.component.nodes[home.places[node]]


def _has_enough(home: Working, loose: Loose, rules: Rules) -> bool:
    """Whether its node is a hub already, or has as many that do not count as are kept; or the
    component has."""
    component = home.component
    if len(component.loose) >= COMPONENT_LINKS_MAX:
        return True
    known = rules.knows(component.nodes[loose.place].kind)
    if counts(loose, known, rules):
        return home.is_hub(loose.place, rules)
    those = [one for one in component.loose if one.place == loose.place]
    return sum(not counts(one, known, rules) for one in those) >= LOOSE_MAX


def _link_of(home: Working, one: bytes, other: bytes, event: Event, rule: int) -> Link:
    low, high = (one, other) if one < other else (other, one)
    return Link(home.places[low], home.places[high], event.at, event.event_id, rule)
