"""Which nodes are one person: links in their order, each joins two groups unless it is refused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from services.profile.domain.component import (
    CARRIED,
    FORBIDDEN,
    PARTED,
    PARTED_PUBLIC,
    REQUESTED,
    REQUESTED_PUBLIC,
    Component,
    Link,
    Loose,
    Refusal,
)
from services.profile.domain.hubs import PUBLIC_KEYS, barred_places
from services.profile.domain.rules import Kind, Rules

#: Raised when the same links and rules make other people: then everybody is to be decided on anew.
GROUPING: Final = 2
#: Requests of public keys: they never have an effect, and are shown in any case.
REQUESTS_PUBLIC: Final = frozenset({REQUESTED_PUBLIC, PARTED_PUBLIC})
#: The place of an end that is not in the component.
OUTSIDE: Final = -1


class RefusedLink(NamedTuple):
    """A link that joined nobody, or a pair that an unmerge holds apart (its rule is PARTED).

    `outside`: what is known of its other end (then `link.b` is OUTSIDE) when that is no node of
    the component.
    """

    link: Link
    reason: Refusal
    outside: Loose | None = None


class Group(NamedTuple):
    """Places of nodes that are one person, and the refused links that touch them.

    `hub_links`: of a hub, how many links it refused at least.
    """

    places: tuple[int, ...]
    refused: tuple[RefusedLink, ...]
    hub_links: int


def grouped(component: Component, rules: Rules) -> list[Group]:
    """All groups of a component, by the links in the order (occurred, event id)."""
    groups = _Groups(component, rules)
    for link in in_order(component):
        if link.rule != FORBIDDEN:
            groups.take(link)
    return groups.told()


def joining_links(component: Component, rules: Rules) -> list[Link]:
    """The links that joined two groups, in their order: without one of these somebody were two."""
    groups = _Groups(component, rules)
    return [link for link in in_order(component) if link.rule != FORBIDDEN and groups.take(link)]


def in_order(component: Component) -> list[Link]:
    """The links in the order in which they are judged: as they occurred, those that only public
    keys have said behind all others.

    Whoever has such a key says when. Were it believed, it could claim a device for somebody before
    a server says whose it is: the server's word would then be refused, or join the two.
    """
    nodes, links = component.nodes, component.links
    if len(links) <= 1:
        return links

    def place(one: Link) -> tuple[bool, datetime, bytes, bytes, bytes, int]:
        public = one.rule in PUBLIC_KEYS
        return public, one.at, one.event, nodes[one.a].id, nodes[one.b].id, one.rule

    return sorted(links, key=place)


class _Groups:
    """Union-find that knows of each group how many of each kind it has, and whom it may not meet.

    `joined`: when a node became part of a group of more than itself.
    """

    __slots__ = (
        "_barred",
        "_component",
        "_counts",
        "_foes",
        "_joined",
        "_known",
        "_members",
        "_refused",
        "_roots",
        "_rules",
        "_strong",
    )

    def __init__(self, component: Component, rules: Rules) -> None:
        nodes = component.nodes
        self._component = component
        self._rules = rules
        self._barred = barred_places(component, rules)
        self._roots = list(range(len(nodes)))
        self._members: dict[int, list[int]] = {place: [place] for place in self._roots}
        self._counts: list[dict[Kind, int]] = [{node.kind: 1} for node in nodes]
        self._known = [rules.knows(node.kind) for node in nodes]
        self._strong = [node.kind not in rules.attaching for node in nodes]
        self._joined: dict[int, datetime] = {}
        self._foes: dict[int, set[int]] = {}
        for pair in component.apart:
            self._foes.setdefault(pair.a, set()).add(pair.b)
            self._foes.setdefault(pair.b, set()).add(pair.a)
        self._refused: list[RefusedLink] = []

    def take(self, link: Link) -> bool:
        """Join the groups of a link's ends, or note why not; whether it joined any."""
        root, other = self._roots[link.a], self._roots[link.b]
        if root == other:
            return False
        reason = self._refusal(link, root, other)
        if reason is None:
            self._join(root, other, link.at)
            return True
        self._refused.append(RefusedLink(link, reason))
        return False

    def _refusal(self, link: Link, root: int, other: int) -> Refusal | None:
        barred = self._barred
        if barred and (link.a in barred or link.b in barred):
            reasons = {barred.get(link.a), barred.get(link.b)}
            return Refusal.BLOCKED if Refusal.BLOCKED in reasons else Refusal.HUB
        if root in self._foes and not self._foes[root].isdisjoint(self._members[other]):
            return Refusal.SET_APART
        # before what a public key may not: a shared device is no news, whoever says it
        if self._strong[root] and self._strong[other] and self._attaches(link):
            return Refusal.WEAK
        if link.rule in PUBLIC_KEYS and self._known[root] and self._known[other]:
            return Refusal.PUBLIC_KEY
        # who asks for it explicitly means people whom the limits keep apart: two user ids
        if link.rule != REQUESTED and self._is_too_many(root, other, link.at):
            return Refusal.LIMIT
        return None

    def _attaches(self, link: Link) -> bool:
        """Whether an event said it, and an end is of a kind that joins no two people."""
        nodes, attaching = self._component.nodes, self._rules.attaching
        if not attaching or link.rule not in CARRIED:
            return False
        return nodes[link.a].kind in attaching or nodes[link.b].kind in attaching

    def _is_too_many(self, root: int, other: int, at: datetime) -> bool:
        """Of a kind that both have. What only one of them has too many of, no limit has bound."""
        counts, others = self._counts[root], self._counts[other]
        for kind in counts.keys() & others.keys():
            count, limit = counts[kind] + others[kind], self._rules.limit(kind)
            if count > limit and kind in self._rules.windows_us:
                count = self._within(kind, (root, other), at)
            if count > limit:
                return True
        return False

    def _within(self, kind: Kind, roots: tuple[int, int], at: datetime) -> int:
        """How many of the kind joined within its window before this moment, or join now."""
        window, nodes = timedelta(microseconds=self._rules.windows_us[kind]), self._component.nodes
        return sum(
            nodes[place].kind == kind and at - self._joined.get(place, at) <= window
            for root in roots
            for place in self._members[root]
        )

    def _join(self, root: int, other: int, at: datetime) -> None:
        members = self._members
        if len(members[root]) < len(members[other]):
            root, other = other, root
        counts = self._counts[root]
        for kind, times in self._counts[other].items():
            counts[kind] = counts.get(kind, 0) + times
        self._known[root] = self._known[root] or self._known[other]
        self._strong[root] = self._strong[root] or self._strong[other]
        if self._rules.windows_us:
            for alone in (root, other):
                if len(members[alone]) == 1:
                    self._joined[alone] = at
        if other in self._foes:
            self._foes.setdefault(root, set()).update(self._foes.pop(other))
        for place in members[other]:
            self._roots[place] = root
        members[root] += members.pop(other)

    # -- what is told ----------------------------------------------------------------------------

    def told(self) -> list[Group]:
        """The groups with their refused links."""
        touched: dict[int, dict[tuple[bytes, bytes], RefusedLink]] = {}
        if self._refused or self._component.loose or self._component.apart:
            for one in self._refusals():
                self._tell(one, touched)
        nodes, degree = self._component.nodes, self._rules.hub_degree
        return [
            Group(
                tuple(places),
                tuple(touched[root].values()) if root in touched else (),
                degree(nodes[root].kind) + 1 if self._barred.get(root) is Refusal.HUB else 0,
            )
            for root, places in self._members.items()
        ]

    def _tell(
        self, one: RefusedLink, touched: dict[int, dict[tuple[bytes, bytes], RefusedLink]]
    ) -> None:
        """A pair is told once: that it is held apart, else as it was refused first.

        A hub does not tell of links that it refused itself, as it does not know all of them.
        """
        nodes, (a, b, *_) = self._component.nodes, one.link
        ends = nodes[a].id, (one.outside.other if one.outside else nodes[b].id)
        for place in (a,) if one.outside else (a, b):
            if one.reason is Refusal.HUB and self._barred.get(place) is Refusal.HUB:
                continue
            pairs = touched.setdefault(self._roots[place], {})
            known = pairs.setdefault((min(ends), max(ends)), one)
            if known.link.rule != PARTED and _when(one) < _when(known):
                pairs[min(ends), max(ends)] = one

    def _refusals(self) -> Iterable[RefusedLink]:
        """All that joined nobody; of pairs that are one person only what a public key asked for."""
        for a, b, at, event in self._component.apart:
            yield RefusedLink(Link(a, b, at, event, PARTED), Refusal.SET_APART)
        for one in (*self._refused, *self._loose()):
            a, b, *_, rule = one.link
            if one.outside or rule in REQUESTS_PUBLIC or self._roots[a] != self._roots[b]:
                yield one

    def _loose(self) -> Iterable[RefusedLink]:
        if not self._component.loose:
            return
        places = {node.id: place for place, node in enumerate(self._component.nodes)}
        for loose in self._component.loose:
            place, other = loose.place, places.get(loose.other)
            if other is None:
                link = Link(place, OUTSIDE, loose.at, loose.event, loose.rule)
                yield RefusedLink(link, loose.reason, loose)
            else:
                low, high = sorted((place, other), key=lambda at: self._component.nodes[at].id)
                yield RefusedLink(Link(low, high, loose.at, loose.event, loose.rule), loose.reason)


def _when(one: RefusedLink) -> tuple[datetime, bytes, int]:
    return one.link.at, one.link.event, one.link.rule
