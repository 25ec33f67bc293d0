"""Who is who by a list of touchpoints: the first half of the reference of profiles."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from schemas.touchpoint import Touchpoint
from schemas.touchpoints.aliased import Aliased
from schemas.touchpoints.profile_merge_requested import ProfileMergeRequested
from schemas.touchpoints.profile_unmerge_requested import ProfileUnmergeRequested
from services.common.workspace import Workspace
from services.profile.domain.ids import Hashes

Key = tuple[str, str]
Person = frozenset[Key]

#: What can be said of a pair; of one event's words the first comes first.
WORDS: Final = ("together", "aliased", "merge", "unmerge")


@dataclass(frozen=True)
class Said:
    """What one event says of two identifiers."""

    at: datetime
    event: bytes
    one: Key
    other: Key
    word: str
    public: bool

    @property
    def pair(self) -> frozenset[Key]:
        return frozenset((self.one, self.other))

    @property
    def is_request(self) -> bool:
        return self.word in ("merge", "unmerge")


class Refused(NamedTuple):
    """How many pairs, and the conflicts, the newest first."""

    number: int
    conflicts: list[dict[str, Any]]

    @property
    def unsettled(self) -> int:
        """A pair that somebody set apart is none that anybody has to look at."""
        return self.number - [one["reason"] for one in self.conflicts].count("set_apart")


def usable(event: Touchpoint, workspace: Workspace) -> list[Key]:
    """The event's identifiers that name somebody."""
    keys = [(one.kind, one.value) for one in event.identifiers]
    return [key for key in keys if not _is_blocked(key, workspace)]


def _is_blocked(key: Key, workspace: Workspace) -> bool:
    kind, value = key
    for rule in workspace.identity.kinds:
        if rule.kind == kind:
            plain = value.casefold()
            if len(plain) > 1 and plain[0] == plain[-1] and plain[0] in "\"'":
                plain = plain[1:-1]
            listed = {one.casefold() for one in rule.blocked}
            if plain in listed or value.casefold() in listed:
                return True
            return any(re.search(pattern, value) for pattern in rule.blocked_patterns)
    return False


def people(
    counted: list[tuple[list[Key], Touchpoint]], workspace: Workspace, salt: str
) -> tuple[dict[Key, Person], dict[Person, Refused]]:
    """(identifier -> person, person -> what was refused of it)."""
    said = [one for keys, event in counted for one in _said(keys, event, workspace)]
    keys = {key for keys, _ in counted for key in keys} | {k for one in said for k in one.pair}
    asked, said = _newest_words(said), _earliest(said)
    world = _World(workspace, salt, keys, {p for p, one in asked.items() if one.word == "unmerge"})
    world.find_hubs(said)
    joining = [one for one in said if not one.is_request]
    joining += [one for one in asked.values() if one.word == "merge"]
    for one in sorted(joining, key=world.order):
        world.judge(one)
    for one in asked.values():
        if one.word == "unmerge":
            world.refuse(one, "set_apart")
    for one in said:
        if one.is_request and one.public:
            world.refuse(one, "public_key")
    persons = {key: frozenset(group) for key, group in world.groups.items()}
    return persons, {person: world.refusals(person) for person in persons.values()}


def _said(keys: list[Key], event: Touchpoint, workspace: Workspace) -> Iterator[Said]:
    says = [(other, "together") for other in keys[1:]]
    facts = event.properties
    if isinstance(facts, Aliased):
        says.append(((facts.previous.kind, facts.previous.value), "aliased"))
    elif isinstance(facts, ProfileMergeRequested | ProfileUnmergeRequested):
        word = "merge" if isinstance(facts, ProfileMergeRequested) else "unmerge"
        says.append(((facts.other.kind, facts.other.value), word))
    for other, word in says:
        if other != keys[0] and not _is_blocked(other, workspace):
            when = event.occurred_at, event.event_id.bytes
            yield Said(*when, keys[0], other, word, event.public)


def _newest_words(said: list[Said]) -> dict[frozenset[Key], Said]:
    """Pair -> the last request about it that no public key made."""
    asked = [one for one in said if one.is_request and not one.public]
    return {one.pair: one for one in sorted(asked, key=lambda one: (one.at, one.event))}


def _earliest(said: list[Said]) -> list[Said]:
    """Of each pair the earliest link, of public keys and of others; the earliest public request."""
    first: dict[Any, Said] = {}
    for one in sorted(said, key=lambda one: (one.at, one.event, WORDS.index(one.word))):
        if not one.is_request or one.public:
            first.setdefault((one.pair, one.public, one.is_request), one)
    return list(first.values())


class _World:
    """Groups while they are made."""

    def __init__(
        self, workspace: Workspace, salt: str, keys: set[Key], apart: set[frozenset[Key]]
    ) -> None:
        self.rules = {rule.kind: rule for rule in workspace.identity.kinds}
        self.degree_max = workspace.identity.hub_degree_max
        self.node = {key: Hashes(salt).node(workspace.name, *key) for key in keys}
        self.groups: dict[Key, set[Key]] = {key: {key} for key in keys}
        self.joined: dict[Key, datetime] = {}
        self.apart = apart
        self.hubs: set[Key] = set()
        self.refused: list[tuple[Said, str]] = []

    def order(self, one: Said) -> tuple[Any, ...]:
        ends = sorted(self.node[key] for key in one.pair)
        return one.public, one.at, one.event, ends, WORDS.index(one.word)

    def knows(self, key: Key) -> bool:
        rule = self.rules.get(key[0])
        return rule.makes_known if rule else key[0] != "anonymous_id"

    def is_mere_say(self, one: Said) -> bool:
        """Of a public key, about two known ones."""
        return one.public and self.knows(one.one) and self.knows(one.other)

    def find_hubs(self, said: list[Said]) -> None:
        near: dict[Key, set[Key]] = defaultdict(set)
        for one in said:
            if one.is_request or self.is_mere_say(one):
                continue
            for key, other in ((one.one, one.other), (one.other, one.one)):
                if self.knows(other) or not self.knows(key):
                    near[key].add(other)
        self.hubs = {key for key, others in near.items() if len(others) > self.degree_of(key)}

    def degree_of(self, key: Key) -> int:
        rule = self.rules.get(key[0])
        return rule.hub_degree_max if rule and rule.hub_degree_max else self.degree_max

    def joins(self, key: Key) -> bool:
        """Whether it is of a kind that may join two people."""
        rule = self.rules.get(key[0])
        return rule.joins_known if rule else True

    def is_weak(self, one: Said) -> bool:
        """Said by an event that brings an identifier which only attaches."""
        return not one.is_request and not all(map(self.joins, one.pair))

    def judge(self, one: Said) -> None:
        group, other = self.groups[one.one], self.groups[one.other]
        if self.is_mere_say(one):
            self.refuse(one, "public_key")
        elif self.hubs & one.pair:
            self.refuse(one, "hub")
        elif group is other:
            return
        elif any(frozenset((a, b)) in self.apart for a in group for b in other):
            self.refuse(one, "set_apart")
        elif self.is_weak(one) and any(map(self.joins, group)) and any(map(self.joins, other)):
            self.refuse(one, "weak")
        elif one.public and any(map(self.knows, group)) and any(map(self.knows, other)):
            self.refuse(one, "public_key")
        elif one.word != "merge" and self.is_too_many(group, other, one.at):
            self.refuse(one, "limit")
        else:
            for each in (group, other):
                if len(each) == 1:
                    self.joined[next(iter(each))] = one.at
            together = group | other
            for key in together:
                self.groups[key] = together

    def is_too_many(self, group: set[Key], other: set[Key], at: datetime) -> bool:
        for kind in {kind for kind, _ in group} & {kind for kind, _ in other}:
            rule = self.rules.get(kind)
            mine = [key for key in group | other if key[0] == kind]
            if rule and rule.window_days is not None:
                window = timedelta(days=rule.window_days)
                mine = [key for key in mine if at - self.joined.get(key, at) <= window]
            if len(mine) > (rule.limit if rule else 100):
                return True
        return False

    def refuse(self, one: Said, reason: str) -> None:
        self.refused.append((one, reason))

    def refusals(self, person: Person) -> Refused:
        """A pair is told once: that it is held apart, else as it was refused first. Of one person
        only what a public key asked is told. Of a hub is told that it is one."""
        told: dict[frozenset[Key], tuple[Any, ...]] = {}
        for one, reason in sorted(self.refused, key=lambda those: _when(those[0])):
            asks_in_vain = one.public and one.is_request
            if not one.pair & person or (one.pair <= person and not asks_in_vain):
                continue
            if reason == "hub" and one.pair & person & self.hubs:
                continue
            conflict = one.at, _uuid(one.event), tuple(sorted(kind for kind, _ in one.pair)), reason
            if one.word == "unmerge" and not one.public:
                told[one.pair] = conflict
            told.setdefault(one.pair, conflict)
        conflicts = [
            {"kinds": kinds, "reason": reason, "event_id": event, "at": at}
            for at, event, kinds, reason in sorted(told.values(), reverse=True)
        ]
        of_hub = sum(self.degree_of(key) + 1 for key in person & self.hubs)
        return Refused(len(conflicts) + of_hub, conflicts)


def _when(one: Said) -> tuple[datetime, bytes, int]:
    return one.at, one.event, WORDS.index(one.word)


def _uuid(sixteen: bytes) -> str:
    digits = sixteen.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
