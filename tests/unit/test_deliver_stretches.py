"""A stretch of records goes through Faust as one message; what is written is committed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

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


def test_it_stands_at_its_last_record() -> None:
    one = Stretch(ONE, [Fetched(offset) for offset in (5, 6, 9)], generation_id=1)
    assert one.offset == 9
    assert [record.offset for record in one.records] == [5, 6, 9]
    assert one.records[0].headers == (("ce_historic", b"true"),)


class Committing(Consumer):
    """A consumer without a broker: the commits are in `sent`, and answered as it is told."""

    accepted = True

    def __init__(self, written: Mapping[tuple[str, int], int]) -> None:
        self.app = cast(Any, SimpleNamespace(written=written))
        self._committed_offset = defaultdict(lambda: None)
        self._read_offset = defaultdict(lambda: None)
        self._unacked_messages = set()
        self.sent: list[dict[TP, int]] = []

    def seeks(self, committed: dict[TP, int | None]) -> None:
        """As `perform_seek` does when partitions were assigned."""
        self._read_offset.update(committed)
        self._committed_offset.update({tp: at for tp, at in committed.items() if at is not None})

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        self.sent.append(dict(offsets))
        return self.accepted

    def commits(self) -> dict[TP, int]:
        """What the next tick sends."""
        before = len(self.sent)
        asyncio.run(self.force_commit())
        return self.sent[-1] if len(self.sent) > before else {}


def test_what_is_written_is_committed_once() -> None:
    written: dict[tuple[str, int], int] = {}
    consumer = Committing(written)
    consumer.seeks({ONE: None, OTHER: 5})
    assert consumer.commits() == {}
    written |= {("alerts.raised", 0): 3, ("alerts.raised", 1): 5}
    assert consumer.commits() == {ONE: 3}
    assert consumer.commits() == {}
    written[OTHER] = 9
    assert consumer.commits() == {OTHER: 9}


def test_a_refused_commit_is_sent_again() -> None:
    consumer = Committing({ONE: 3})
    consumer.seeks({ONE: 1})
    consumer.accepted = False
    assert consumer.commits() == {ONE: 3}
    consumer.accepted = True
    assert consumer.commits() == {ONE: 3}
    assert consumer.commits() == {}


def test_nothing_is_committed_before_the_committed_offset_is_known() -> None:
    """Else a partition that was with another meanwhile would go back."""
    consumer = Committing({ONE: 3})
    assert consumer.commits() == {}
    consumer.seeks({ONE: 7})
    assert consumer.commits() == {}


def test_what_was_written_under_a_membership_that_passed_is_committed() -> None:
    """The first commit was refused, what followed was written, and is thrown away when read anew.

    Faust's own account waits for ever here: it knows the offset 14 and not those before it.
    """
    written: dict[tuple[str, int], int] = {}
    consumer = Committing(written)
    consumer.seeks({ONE: 4})
    written[ONE] = 8
    consumer.accepted = False
    assert consumer.commits() == {ONE: 8}
    for known in (consumer._committed_offset, consumer._read_offset):
        del known[ONE]
    late = Stretch(ONE, [Fetched(offset) for offset in range(8, 15)], generation_id=1)
    written[ONE] = 15
    consumer.ack(late)
    consumer.accepted = True
    consumer.seeks({ONE: 4})
    assert consumer.commits() == {ONE: 15}


def test_stretches_are_bounded_and_partitions_take_turns() -> None:
    many = [Fetched(offset) for offset in range(2 * STRETCH_EVENTS_MAX + 1)]
    cut = _cut({ONE: many, OTHER: many[:3]})
    assert [tp for tp, _ in cut] == [ONE, OTHER, ONE, ONE]
    assert [len(records) for _, records in cut] == [STRETCH_EVENTS_MAX, 3, STRETCH_EVENTS_MAX, 1]
    assert [r.offset for tp, records in cut if tp == ONE for r in records] == list(range(len(many)))
