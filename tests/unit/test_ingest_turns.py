"""Sources take turns at the door: nobody waits behind another's flood, and nobody for ever."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.turns import EVENTS_A_ROUND, Turns

Asked = list[tuple[str, int]]


def let_in(asked: Asked, given_up: frozenset[int] = frozenset()) -> list[list[int]]:
    """Which requests, by number, were let in in which round; all have arrived at the same time."""
    rounds: list[list[int]] = [[]]

    async def request(turns: Turns, number: int) -> None:
        await turns.turn(*asked[number])
        rounds[-1].append(number)

    async def all_of_them() -> None:
        turns = Turns()
        tasks = [asyncio.create_task(request(turns, number)) for number in range(len(asked))]
        await asyncio.sleep(0)
        for number in given_up:
            tasks[number].cancel()
        while not all(task.done() for task in tasks):
            rounds.append([])
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not turns._waiting
        for _ in range(2):
            await asyncio.sleep(0)
        assert turns._let_in == 0

    asyncio.run(all_of_them())
    return [one for one in rounds if one]


def test_a_single_call_waits_for_one_batch_of_another_not_for_all() -> None:
    flood = [("loud", 100)] * 64
    order = [number for one in let_in([*flood, ("quiet", 1)]) for number in one]
    assert order.index(64) <= 2


def test_what_fits_into_a_round_is_let_in_at_once() -> None:
    assert let_in([("a", 1)] * EVENTS_A_ROUND) == [list(range(EVENTS_A_ROUND))]


ASKED = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, 40, 100, 2_500])))


@given(ASKED, st.frozensets(st.integers(0, 20)))
def test_everyone_has_a_turn_in_order_and_rounds_are_short(
    asked: Asked, gone: frozenset[int]
) -> None:
    gone = frozenset(number for number in gone if number < len(asked))
    rounds = let_in(asked, gone)
    order = [number for one in rounds for number in one]
    assert {*range(len(asked))} - gone <= {*order}
    assert len(order) == len({*order})
    for source in "abc":
        mine = [number for number in order if asked[number][0] == source]
        assert all(first < second for first, second in pairwise(mine))
    for one in rounds:  # but for the last of it, a round is not full
        assert sum(max(asked[number][1], 1) for number in one[:-1]) < EVENTS_A_ROUND
