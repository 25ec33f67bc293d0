"""Pages of members are all members once, in order, however large the account and whoever left."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.profile.domain.member_tree import NOBODY, ROOT, MemberTree, Path, TreeNode
from services.profile.domain.members_in_order import MembersInOrder
from services.profile.domain.rollup import EMPTY, MEMBERS, NOTHING, Rollup

MEMBER = EMPTY._replace(sums=(1, *NOTHING[1:]))
LEFT = EMPTY
assert MEMBER.sums[MEMBERS] == 1

Nodes = dict[Path, TreeNode]


def tree(people: dict[bytes, Rollup], leaf_max: int) -> Nodes:
    """What Redis would hold."""
    made = MemberTree(people, leaf_max)
    made.nodes[ROOT] = NOBODY
    made.change()
    return {path: node for path, node in made.nodes.items() if node != NOBODY}


def page(nodes: Nodes, after: bytes | None, most: int) -> tuple[list[bytes], list[int]]:
    """The page, and how many nodes were read in each round."""
    read = MembersInOrder(nodes.get(ROOT, NOBODY), after, most)
    rounds = []
    while missing := read.missing():
        rounds.append(len(missing))
        read.nodes |= {path: nodes[path] for path in missing}
    return [one.profile for one in read.page()], rounds


def pages(nodes: Nodes, most: int) -> list[bytes]:
    found: list[bytes] = []
    while True:
        members, _ = page(nodes, found[-1] if found else None, most)
        assert not found or not members or members[0] > found[-1], "it goes on behind the last"
        found += members
        if len(members) < most:
            return found


def crowd(size: int, seed: int = 1) -> list[bytes]:
    """Profile ids as hashes are."""
    dice = Random(seed)
    return [dice.randbytes(16) for _ in range(size)]


#: Ids that share their first digits, so that trees grow deep.
ids = st.lists(st.sampled_from([0x00, 0x01, 0x10, 0xF0]), min_size=16, max_size=16).map(bytes)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(ids, st.sampled_from([MEMBER, LEFT]), max_size=60),
    st.integers(1, 8),
    st.integers(1, 70),
)
def test_pages_are_all_members_once_and_in_order(
    people: dict[bytes, Rollup], leaf_max: int, most: int
) -> None:
    members = sorted(one for one, rollup in people.items() if rollup is MEMBER)
    assert pages(tree(people, leaf_max), most) == members


@settings(max_examples=100, deadline=None)
@given(st.sets(ids, max_size=40), ids, st.integers(1, 8))
def test_a_page_may_begin_behind_anybody(people: set[bytes], after: bytes, leaf_max: int) -> None:
    """Also behind somebody who is not there any more."""
    members, _ = page(tree(dict.fromkeys(people, MEMBER), leaf_max), after, 100)
    assert members == sorted(one for one in people if one > after)


def test_a_page_of_a_large_account_reads_a_way_down_and_its_own_leaves() -> None:
    people = sorted(crowd(20_000))
    nodes = tree(dict.fromkeys(people, MEMBER), 64)
    for after in (None, people[0], people[9_999]):
        members, rounds = page(nodes, after, 50)
        begin = 0 if after is None else people.index(after) + 1
        assert members == people[begin : begin + 50]
        assert len(rounds) <= 6
        assert sum(rounds) <= 20
