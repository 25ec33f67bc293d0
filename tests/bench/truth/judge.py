"""Precision and recall of pairs: which identifiers were taken for one person's, and whose they are.

A pair of identifiers that are in one group is right when some person owns both, else false.
Precision counts all pairs of all groups. Recall asks for the pairs of identifiers that one person
alone owns and that events of that person connect: nothing in the data joins the others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from tests.bench.truth.events import Happening
from tests.bench.truth.people import PLAIN, Key, Truth

Pair = frozenset[Key]


class Groups:
    """Keys joined by what they share (union-find with halved paths)."""

    def __init__(self) -> None:
        self._above: dict[Key, Key] = {}

    def find(self, key: Key) -> Key:
        above = self._above
        above.setdefault(key, key)
        while above[key] != key:
            above[key] = key = above[above[key]]
        return key

    def join(self, one: Key, other: Key) -> None:
        self._above[self.find(one)] = self.find(other)


class Seen:
    """What came in the events: person -> their keys and how their own events connect these."""

    def __init__(self) -> None:
        self._groups: dict[int, Groups] = defaultdict(Groups)
        self._keys: dict[int, set[Key]] = defaultdict(set)
        self.rows: Counter[tuple[Key, ...]] = Counter()

    def note(self, event: Happening) -> None:
        """One event."""
        groups, keys = self._groups[event.person], event.keys
        self._keys[event.person].update(keys)
        for key in keys[1:]:
            groups.join(keys[0], key)
        self.rows[keys] += 1

    def keys_of(self, person: int) -> set[Key]:
        """Under which the person came."""
        return self._keys[person]

    def true_pairs(self, truth: Truth) -> dict[int, set[Pair]]:
        """Person -> pairs of keys of that person alone that their events connect."""
        found: dict[int, set[Pair]] = {}
        for person, keys in self._keys.items():
            groups, own = self._groups[person], defaultdict(list)
            for key in keys:
                if truth.owners[key] == {person}:
                    own[groups.find(key)].append(key)
            found[person] = {
                frozenset(pair) for group in own.values() for pair in combinations(group, 2)
            }
        return found


@dataclass(slots=True)
class Judgement:
    """Pairs; `false_by`, `missed_by`: what may have misled."""

    right: int = 0
    false: int = 0
    found: int = 0
    true: int = 0
    false_by: Counter[str] = field(default_factory=Counter)
    missed_by: Counter[str] = field(default_factory=Counter)
    sizes: Counter[int] = field(default_factory=Counter)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.false)

    @property
    def recall(self) -> float:
        return self.found / max(1, self.true)


def judge(groups: Iterable[Iterable[Key]], truth: Truth, seen: Seen) -> Judgement:
    """A key may be in several groups (splink puts records together, not identifiers)."""
    found = Judgement()
    counted: dict[Key, set[Key]] = defaultdict(set)
    for group in groups:
        keys = sorted(set(group))
        found.sizes[len(keys)] += 1
        troubles = {truth.trouble[key] for key in keys} - {PLAIN}
        for one, other in combinations(keys, 2):
            if other in counted[one]:
                continue
            counted[one].add(other)
            if truth.owners[one] & truth.owners[other]:
                found.right += 1
            else:
                found.false += 1
                found.false_by[_named(troubles)] += 1
    _recall(found, counted, truth, seen)
    return found


def _recall(found: Judgement, counted: Mapping[Key, set[Key]], truth: Truth, seen: Seen) -> None:
    for person, pairs in seen.true_pairs(truth).items():
        found.true += len(pairs)
        missed = 0
        for pair in pairs:
            one, other = sorted(pair)
            missed += other not in counted.get(one, ())
        found.found += len(pairs) - missed
        if missed:
            keys = seen.keys_of(person)
            found.missed_by[_named({truth.trouble[key] for key in keys} - {PLAIN})] += missed


def _named(troubles: set[str]) -> str:
    return " + ".join(sorted(troubles)) or PLAIN
