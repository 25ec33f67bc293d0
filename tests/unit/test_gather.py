"""Dense batches follow each other in a beat; a lone record waits a moment only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.common.gather import BEAT_S, MANY_RECORDS, SHORT_S, Gather


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_few_records_wait_a_moment_only() -> None:
    gather = Gather(Clock())
    assert gather.wait_s() == SHORT_S
    gather.taken(MANY_RECORDS - 1)
    assert gather.wait_s() == SHORT_S


def test_after_a_quiet_batch_the_beat_is_left_at_once() -> None:
    gather = Gather(Clock())
    gather.taken(MANY_RECORDS)
    gather.taken(0)
    assert gather.wait_s() == SHORT_S


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_dense_batches_are_taken_a_beat_apart_or_as_fast_as_they_are_decided(
    deciding_s: list[float],
) -> None:
    clock = Clock()
    gather = Gather(clock)
    gather.taken(MANY_RECORDS)
    for spent_s in deciding_s:
        taken_at = clock.now
        clock.now += spent_s
        clock.now += gather.wait_s()
        gather.taken(MANY_RECORDS)
        assert abs(clock.now - taken_at - max(BEAT_S, spent_s)) < 1e-6
