"""The people of an account in a tree, so that one of 100,000 changes without reading the others.

A node holds its people (a leaf), or for each of its 16 children how many people are below and
what they come to. Who is where follows from the digits of their profile ids, which are hashes; a
node is a leaf exactly when LEAF_MAX people or fewer are below it. So the tree is a function of the
people in it, however they came and went. A change reads and writes the nodes from its leaf to the
root, where the roll-up of all is combined; nothing is ever subtracted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from services.profile.domain.rollup import Rollup, rolled_up

Value = TypeVar("Value")

LEAF_MAX: Final = 64

#: The digits from the root to a node, one byte each.
Path = bytes
#: Profile id -> what they contribute now; None: nothing any more.
Contributions = Mapping[bytes, Rollup | None]

ROOT: Final[Path] = b""


class Below(NamedTuple):
    """A child, as its parent knows it."""

    people: int
    rollup: Rollup


class TreeNode(NamedTuple):
    """One of the two is empty."""

    people: dict[bytes, Rollup]
    children: dict[int, Below]

    @property
    def size(self) -> int:
        """How many people are in it and below."""
        return len(self.people) + sum([child.people for child in self.children.values()])

    @property
    def rollup(self) -> Rollup:
        """What they come to."""
        if self.children:
            return rolled_up([child.rollup for child in self.children.values()])
        return rolled_up(list(self.people.values()))


NOBODY: Final = TreeNode({}, {})


class MemberTree:
    """The nodes of one account that were read, and the changes to make. `nodes` is changed.

    A node that does not exist is NOBODY. `changed`: the paths whose nodes are to be written, or
    deleted where they are NOBODY now.
    """

    __slots__ = ("_changes", "_leaf_max", "changed", "nodes")

    def __init__(self, changes: Contributions, leaf_max: int = LEAF_MAX) -> None:
        self._changes = changes
        self._leaf_max = leaf_max
        self.nodes: dict[Path, TreeNode] = {}
        self.changed: set[Path] = set()

    def missing(self) -> list[Path]:
        """The nodes to read next before the changes can be made; none: read enough."""
        return list(self._missing(ROOT, self._changes))

    def change(self) -> None:
        """Make the changes, once nothing is missing."""
        self._change(ROOT, self._changes)

    # -- reading ---------------------------------------------------------------------------------

    def _missing(self, path: Path, changes: Contributions) -> Iterator[Path]:
        node = self.nodes.get(path)
        if node is None:
            yield path
            return
        wanted = _by_digit(changes, len(path)) if node.children else {}
        if node.children and node.size - _removals(changes) <= self._leaf_max:
            wanted = {digit: wanted.get(digit, {}) for digit in {*wanted, *node.children}}
        for digit, theirs in wanted.items():
            yield from self._missing(path + bytes((digit,)), theirs)

    # -- changing --------------------------------------------------------------------------------

    def _change(self, path: Path, changes: Contributions) -> None:
        if not changes:
            return
        node = self.nodes[path]
        if node.children:
            self._change_children(path, node, changes)
            return
        people = dict(node.people)
        for person, contribution in changes.items():
            if contribution is None:
                people.pop(person, None)
            else:
                people[person] = contribution
        if people != node.people:
            self._put(path, people)

    def _change_children(self, path: Path, node: TreeNode, changes: Contributions) -> None:
        children = dict(node.children)
        for digit, theirs in _by_digit(changes, len(path)).items():
            below = path + bytes((digit,))
            self._change(below, theirs)
            _list(children, digit, self.nodes[below])
        changed = TreeNode({}, children)
        if changed.size <= self._leaf_max:
            self._put(path, self._gathered(path, children))
        elif children != node.children:
            self._write(path, changed)

    def _gathered(self, path: Path, children: Mapping[int, Below]) -> dict[bytes, Rollup]:
        """The people of the children, which end; each is a leaf, for it holds no more than we."""
        people: dict[bytes, Rollup] = {}
        for digit in children:
            below = path + bytes((digit,))
            people |= self.nodes[below].people
            self._write(below, NOBODY)
        return people

    def _put(self, path: Path, people: dict[bytes, Rollup]) -> None:
        """A leaf of these, or where they are too many, leaves below."""
        if len(people) <= self._leaf_max:
            self._write(path, TreeNode(people, {}))
            return
        children: dict[int, Below] = {}
        for digit, theirs in _by_digit(people, len(path)).items():
            below = path + bytes((digit,))
            self._put(below, theirs)
            _list(children, digit, self.nodes[below])
        self._write(path, TreeNode({}, children))

    def _write(self, path: Path, node: TreeNode) -> None:
        self.nodes[path] = node
        self.changed.add(path)


def _list(children: dict[int, Below], digit: int, node: TreeNode) -> None:
    size = node.size
    if size:
        children[digit] = Below(size, node.rollup)
    else:
        children.pop(digit, None)


def _removals(changes: Contributions) -> int:
    return sum([one is None for one in changes.values()])


def _by_digit(people: Mapping[bytes, Value], depth: int) -> dict[int, dict[bytes, Value]]:
    """People by their digit of that depth: the upper half of a byte, then the lower."""
    found: dict[int, dict[bytes, Value]] = {}
    byte, shift = depth // 2, 4 if depth % 2 == 0 else 0
    for person, value in people.items():
        found.setdefault(person[byte] >> shift & 15, {})[person] = value
    return found
