"""An account's tree: a function of its people, and one change reads little of it."""

from __future__ import annotations

from hashlib import blake2b
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.profile.domain.member_tree import (
    LEAF_MAX,
    NOBODY,
    ROOT,
    Contributions,
    MemberTree,
    Path,
    TreeNode,
)
from services.profile.domain.rollup import EMPTY, NAMES_MAX, NOTHING, Rollup, rolled_up
from tests.unit.profile_builders import START

Nodes = dict[Path, TreeNode]
MANY = 100_000


def person(number: int) -> bytes:
    return blake2b(b"%d" % number, digest_size=16).digest()


def spends(cents: int, role: str = "") -> Rollup:
    sums = (1, cents, *NOTHING[2:])
    return EMPTY._replace(
        sums=sums, earliest=(START, None, None), amounts={"revenue:USD": cents}, roles={role: 1}
    )


def changed(nodes: Nodes, changes: Contributions, leaf_max: int) -> tuple[Nodes, int]:
    """(the nodes as they stand afterwards, how many were read)."""
    tree, read = MemberTree(changes, leaf_max), 0
    while missing := tree.missing():
        read += len(missing)
        tree.nodes |= {path: nodes.get(path, NOBODY) for path in missing}
    tree.change()
    after = nodes | {path: tree.nodes[path] for path in tree.changed}
    return {path: node for path, node in after.items() if node.size}, read


changes_of_people = st.dictionaries(
    st.integers(0, 40).map(person),
    st.none() | st.builds(spends, st.integers(0, 9), st.sampled_from("abc")),
    max_size=25,
)


@given(st.lists(changes_of_people, max_size=6), st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_a_tree_is_a_function_of_the_people_in_it(
    history: list[dict[bytes, Rollup | None]], leaf_max: int
) -> None:
    nodes: Nodes = {}
    people: dict[bytes, Rollup] = {}
    for changes in history:
        nodes, _ = changed(nodes, changes, leaf_max)
        now = {**people, **changes}
        people = {who: one for who, one in now.items() if one is not None}
    assert nodes == changed({}, people, leaf_max)[0]
    assert nodes.get(ROOT, NOBODY).rollup == rolled_up(list(people.values()))
    for node in nodes.values():
        assert not (node.people and node.children)
        assert len(node.people) <= leaf_max
        assert not node.children or node.size > leaf_max


@pytest.fixture(scope="module")
def crowd() -> Nodes:
    people = {person(number): spends(number % 7, "abcdef"[number % 6]) for number in range(MANY)}
    return changed({}, people, LEAF_MAX)[0]


def test_a_change_among_100_000_people_reads_and_writes_a_few_kilobytes(crowd: Nodes) -> None:
    assert crowd[ROOT].size == MANY
    assert crowd[ROOT].rollup.sums[1] == sum(number % 7 for number in range(MANY))
    for number in Random(1).sample(range(MANY), 20):
        after, read = changed(crowd, {person(number): None}, LEAF_MAX)
        touched = [path for path in after if after[path] is not crowd.get(path)]
        assert read == len(touched) <= 5
        assert sum(len(msgspec.msgpack.encode(after[path])) for path in touched) < 20_000
        assert after[ROOT].size == MANY - 1


def test_of_very_many_roles_the_same_few_are_counted_exactly_however_people_are_grouped() -> None:
    people = [spends(1, f"role {number % 90}") for number in range(900)]
    whole = rolled_up(people)
    assert set(whole.roles.values()) == {10}
    assert len(whole.roles) == NAMES_MAX
    dice = Random(2)
    dice.shuffle(people)
    parts = [rolled_up(people[at : at + 70]) for at in range(0, 900, 70)]
    assert rolled_up(parts) == whole
