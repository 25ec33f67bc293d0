"""The search for records that no decision can be made on: exact, in order, and at a small price."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.common.batch import Due, Record
from services.common.poison import Piece, pieces

batches = st.integers(2, 60).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1), min_size=1))
)


class Deciding:
    """Fails where a record is bad, or where `together` stand in one batch; counts its work."""

    def __init__(self, bad: set[int], together: frozenset[int] = frozenset()) -> None:
        self._bad = bad
        self._together = together
        self.tried = 0
        self.carried: list[list[int]] = []
        self.refused: list[int] = []

    def fails(self, records: Sequence[Record], due: Sequence[Due]) -> bool:
        offsets = {one.offset for one in records} | {one.at_us for one in due}
        self.tried += len(offsets)
        return bool(offsets & self._bad) or bool(self._together and self._together <= offsets)

    def carry(self, records: Sequence[Record], due: Sequence[Due] = ()) -> None:
        """As the step does it."""
        left: list[Piece] = [(records, due)]
        while left:
            records, due = left.pop()
            offsets = [one.offset for one in records] + [one.at_us for one in due]
            if not self.fails(records, due):
                self.carried.append(offsets)
            elif len(offsets) == 1:
                self.refused += offsets
            else:
                left += reversed(pieces(records, due, self.fails))


def records(size: int) -> list[Record]:
    return [Record("topic", 0, offset, None, b"") for offset in range(size)]


@given(batches)
def test_all_that_can_be_decided_on_is_carried_in_order_and_only_poison_is_refused(
    batch: tuple[int, set[int]],
) -> None:
    size, bad = batch
    deciding = Deciding(bad)
    deciding.carry(records(size))
    assert deciding.refused == sorted(bad)
    carried = [offset for part in deciding.carried for offset in part]
    assert carried == [offset for offset in range(size) if offset not in bad]


@given(st.integers(2, 4_000), st.data())
def test_one_poisonous_record_costs_two_decisions_and_two_commits(
    size: int, data: st.DataObject
) -> None:
    deciding = Deciding({data.draw(st.integers(0, size - 1))})
    deciding.carry(records(size))
    assert deciding.tried <= 3 * size + 5, "the whole, the search, what is carried through"
    assert len(deciding.carried) <= 2


@given(st.integers(2, 200), st.data())
def test_records_that_fail_only_together_are_parted(size: int, data: st.DataObject) -> None:
    pair = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    deciding = Deciding(set(), frozenset(pair))
    deciding.carry(records(size))
    assert deciding.refused == []
    assert [offset for part in deciding.carried for offset in part] == list(range(size))


def test_a_thousand_poisonous_records_are_no_deeper_than_one() -> None:
    deciding = Deciding(set(range(0, 2_000, 2)))
    deciding.carry(records(2_000))
    assert len(deciding.refused) == 1_000


def test_what_is_due_comes_after_the_records() -> None:
    due = [Due(0, b"member", at_us) for at_us in (100, 101, 102)]
    deciding = Deciding({1, 101})
    deciding.carry(records(3), due)
    assert deciding.carried == [[0], [2], [100], [102]]
    assert deciding.refused == [1, 101]


@given(st.integers(2, 4_000), st.data())
def test_a_suspect_is_tried_before_anything_is_searched(size: int, data: st.DataObject) -> None:
    places = st.integers(0, size - 1)
    bad, others = data.draw(places), data.draw(st.sets(places, max_size=5))
    batch, deciding = records(size), Deciding({bad})
    suspects = [batch[place] for place in sorted({bad, *others})]
    found = pieces(batch, (), deciding.fails, suspects)
    assert deciding.tried <= 3 * len(suspects)
    assert [one.offset for part, _ in found for one in part] == list(range(size))
    assert ([batch[bad]], ()) in [(list(part), due) for part, due in found]


@given(batches, st.data())
def test_a_wrong_suspicion_changes_nothing(
    batch: tuple[int, set[int]], data: st.DataObject
) -> None:
    size, bad = batch
    all_records = records(size)
    suspects = [one for one in all_records if one.offset not in bad]
    suspects = data.draw(st.lists(st.sampled_from(suspects), unique=True)) if suspects else []
    searched = pieces(all_records, (), Deciding(bad).fails)
    assert pieces(all_records, (), Deciding(bad).fails, suspects) == searched
