"""A stretch of records goes through Faust as one message, and is acknowledged as a whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from types import SimpleNamespace

from faust.types import TP

from services.journey.deliver.stretches import STRETCH_EVENTS_MAX, Consumer, Stretch, _cut

ONE, OTHER = TP("alerts.raised", 0), TP("alerts.raised", 1)


@dataclass(frozen=True)
class Fetched:
    """A record as aiokafka gives it."""

    offset: int
    topic: str = "alerts.raised"
    partition: int = 0
    key: bytes | None = b"k"
    value: bytes | None = b"v"
    headers: tuple[tuple[str, bytes], ...] = (("ce_historic", b"true"),)
    timestamp: int | None = 1_000
    timestamp_type: int = 0


def stretch(*offsets: int, after: int) -> Stretch:
    return Stretch(ONE, [Fetched(offset) for offset in offsets], generation_id=1, after=after)


def test_it_stands_at_its_last_record_and_covers_those_before() -> None:
    one = stretch(5, 6, 7, after=4)
    assert one.offset == 7
    assert list(one.inner) == [5, 6]
    assert [record.offset for record in one.records] == [5, 6, 7]
    assert one.records[0].headers == (("ce_historic", b"true"),)


def test_offsets_that_hold_nothing_are_covered_too() -> None:
    assert list(stretch(5, 9, after=2).inner) == [3, 4, 5, 6, 7, 8]


def test_what_is_read_again_covers_itself() -> None:
    assert list(stretch(5, 6, after=90).inner) == [5]


def reading() -> Consumer:
    """A consumer that has committed nothing, without a broker."""
    consumer = object.__new__(Consumer)
    consumer.__dict__ |= {
        "app": SimpleNamespace(topics=SimpleNamespace(acks_enabled_for=lambda _topic: True)),
        "_acked": defaultdict(list),
        "_acked_index": defaultdict(set),
        "_committed_offset": defaultdict(lambda: None),
        "_gap": defaultdict(list),
        "_unacked_messages": set(),
        "_waiting_for_ack": None,
        "_n_acked": 0,
    }
    return consumer


def test_the_commit_passes_what_was_acknowledged_twice_in_other_stretches() -> None:
    """As after a rebalance: what was read before it is read again, cut otherwise."""
    consumer = reading()
    assert consumer.ack(stretch(5, 6, 7, after=4))
    assert consumer.ack(stretch(5, 6, 7, 8, 9, after=4))
    assert consumer._new_offset(ONE) == 10


def test_stretches_are_bounded_and_partitions_take_turns() -> None:
    many = [Fetched(offset) for offset in range(2 * STRETCH_EVENTS_MAX + 1)]
    cut = _cut({ONE: many, OTHER: many[:3]})
    assert [tp for tp, _ in cut] == [ONE, OTHER, ONE, ONE]
    assert [len(records) for _, records in cut] == [STRETCH_EVENTS_MAX, 3, STRETCH_EVENTS_MAX, 1]
    assert [r.offset for tp, records in cut if tp == ONE for r in records] == list(range(len(many)))
