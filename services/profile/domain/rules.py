"""The identity rules of a workspace, as the grouping of people reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.profile.domain.component import IDENTIFIER_CODES, Node

#: For identifier kinds that identity.yaml does not name: weakest, and so many a person.
LIMIT_UNLISTED: Final = 100
#: Answers of `Rules.allow` are kept for so many kinds together, and so many of them.
KINDS_KEPT_MAX: Final = 8
COMBINATIONS_KEPT_MAX: Final = 4_096
#: The one kind that makes nobody known unless its rule says so.
ANONYMOUS: Final = IDENTIFIER_CODES["anonymous_id"]

Kind = int | str


@dataclass(frozen=True, slots=True)
class Rules:
    """All by the code of a kind (see `kind_code`).

    limits       how many of a kind one person may have
    ranks        0 is strongest
    mark         tells them from other rules: people are shown anew when theirs is another
    windows_us   the limit of the kind counts only identifiers that joined the person within so
                 many µs before the link that is judged
    known        kinds that make a person known: public keys join no two who are
    attaching    kinds that only attach: an event that brings one of them joins no two people who
                 both have an identifier of another kind (phones and devices are shared)
    hub_degrees  kinds whose identifiers are hubs with fewer neighbours than hub_degree_max
    blocked      values that name nobody, casefolded; `patterns`: whether one is found in a value
    """

    limits: Mapping[Kind, int]
    ranks: Mapping[Kind, int]
    hub_degree_max: int
    mark: int = 0
    windows_us: Mapping[Kind, int] = field(default_factory=dict)
    known: frozenset[Kind] = frozenset()
    attaching: frozenset[Kind] = frozenset()
    hub_degrees: Mapping[Kind, int] = field(default_factory=dict)
    blocked: Mapping[Kind, frozenset[str]] = field(default_factory=dict)
    patterns: Mapping[Kind, Callable[[str], bool]] = field(default_factory=dict)
    _allowed: dict[tuple[Kind, ...], bool] = field(default_factory=dict, compare=False)

    def allow(self, kinds: tuple[Kind, ...]) -> bool:
        """Whether one person may have all of these kinds; the answer is kept for small groups."""
        known = self._allowed.get(kinds)
        if known is None:
            known = all(kinds.count(kind) <= self.limit(kind) for kind in set(kinds))
            if len(kinds) <= KINDS_KEPT_MAX and len(self._allowed) < COMBINATIONS_KEPT_MAX:
                self._allowed[kinds] = known
        return known

    def limit(self, kind: Kind) -> int:
        return self.limits.get(kind, LIMIT_UNLISTED)

    def rank(self, kind: Kind) -> int:
        return self.ranks.get(kind, len(self.ranks))

    def hub_degree(self, kind: Kind) -> int:
        """With more neighbours than this an identifier of the kind is a hub."""
        return self.hub_degrees.get(kind, self.hub_degree_max)

    def hub_degree_min(self) -> int:
        """With no more neighbours than this nothing is a hub."""
        return min(self.hub_degrees.values(), default=self.hub_degree_max)

    def knows(self, kind: Kind) -> bool:
        """Whether an identifier of the kind makes a person known; it is weak otherwise."""
        return kind in self.known or (kind != ANONYMOUS and kind not in self.ranks)

    def names_nobody(self, kind: Kind, value: str) -> bool:
        """Whether the value is one that programs send for nobody."""
        if value.casefold() in self.blocked.get(kind, ()):
            return True
        is_found = self.patterns.get(kind)
        return is_found is not None and is_found(value)

    def name_nobody(self, nodes: Sequence[Node]) -> bool:
        """Whether one of the nodes does; values of later events never do, as naming looks first."""
        blocked = self.blocked
        for node in nodes:
            values = blocked.get(node.kind)
            if values is not None and node.value.casefold() in values:
                return True
        return bool(self.patterns) and any(
            node.kind in self.patterns and self.patterns[node.kind](node.value) for node in nodes
        )
