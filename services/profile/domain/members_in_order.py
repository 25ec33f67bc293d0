"""The members of an account in the order of their profile ids, page by page.

As with a change of the tree, whoever reads asks which nodes are missing, reads them all at once,
and asks again. A page of an account of any size takes as many rounds as the tree has levels, or
one or two more where many have left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from services.profile.domain.member_tree import ROOT, Path, TreeNode
from services.profile.domain.rollup import MEMBERS, Rollup


class Member(NamedTuple):
    """Who belongs to it, and what they contribute."""

    profile: bytes
    rollup: Rollup


class MembersInOrder:
    """The next `most` members behind an id. `nodes`: those that were read; a change to the tree
    while it is read shows in a node that is listed and not there: begin anew then."""

    def __init__(self, root: TreeNode, after: bytes | None, most: int) -> None:
        self.nodes: dict[Path, TreeNode] = {ROOT: root}
        self._after = after
        self._most = most

    def missing(self) -> list[Path]:
        """The nodes to read next, as many as the page is expected to take; none: it is whole."""
        expected, missing = 0, list[Path]()
        for found in self._walk(ROOT):
            if isinstance(found, Member):
                expected += 1
            else:
                missing.append(found.path)
                # of the node that the page begins in, nobody knows how many are behind
                expected += found.members if found.whole else 0
            if expected >= self._most:
                break
        return missing

    def page(self) -> list[Member]:
        """Once nothing is missing: `most` of them, or all that are left."""
        members: list[Member] = []
        for found in self._walk(ROOT):
            assert isinstance(found, Member), "a node of the page was not read"
            members.append(found)
            if len(members) == self._most:
                break
        return members

    def _walk(self, path: Path) -> Iterator[Member | _Unread]:
        node = self.nodes[path]
        for profile in sorted(node.people):
            if self._after is None or profile > self._after:
                rollup = node.people[profile]
                if rollup.sums[MEMBERS]:  # others left, and what they said of it stays
                    yield Member(profile, rollup)
        for digit in sorted(node.children):
            child = path + bytes((digit,))
            begun = self._begun(child)
            if begun > child:  # all its people are on pages before
                continue
            if child in self.nodes:
                yield from self._walk(child)
            else:
                members = node.children[digit].rollup.sums[MEMBERS]
                yield _Unread(child, members, whole=begun < child)

    def _begun(self, child: Path) -> Path:
        """The node of the same depth that the page begins in; before all, where it has no
        beginning."""
        if self._after is None:
            return b""
        return digits_of(self._after)[: len(child)]


class _Unread(NamedTuple):
    """A node that is not read yet. `whole`: all its members are on this page or a later one."""

    path: Path
    members: int
    whole: bool


def digits_of(profile: bytes) -> Path:
    """The way to somebody from the root, down to a node of their own."""
    return bytes(digit for byte in profile for digit in (byte >> 4, byte & 15))
