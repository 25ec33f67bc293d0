"""Slots are packed by every worker of a process at once."""

from concurrent.futures import ThreadPoolExecutor

from services.common.batch import Output
from services.common.slot import pack, unpack


def test_slots_packed_by_threads_at_once_are_what_went_in() -> None:
    def packed(number: int) -> bool:
        outputs = [Output("topic", b"%d" % number, b"%d" % (number * n)) for n in range(2_000)]
        return unpack(pack(outputs)) == outputs

    with ThreadPoolExecutor(8) as hands:
        assert all(hands.map(packed, range(300)))
