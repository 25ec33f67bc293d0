"""Faust's Kafka transport, with a whole fetched stretch of a partition as one message.

What Faust does for each message (two tasks, two queues, three turns of the event loop) takes ten
times as long as what we do with a record. So one message goes through agent and stream for all
records that follow each other.

What is committed is what `Intake` has written, not what Faust counts as acknowledged: its count
takes a refused commit for done, and after a rebalance it can wait for ever for what it threw away.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, cast

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage, Message

from services.common.batch import Record

log = logging.getLogger(__name__)

STRETCH_EVENTS_MAX: Final = 250


class Stretch(ConsumerMessage):
    """Records of one partition, by offset. To Faust it is the message at the last one's offset."""

    def __init__(self, tp: TP, fetched: Sequence[Any], generation_id: int) -> None:
        last = fetched[-1]
        super().__init__(
            tp.topic,
            tp.partition,
            last.offset,
            (last.timestamp or 0) / 1_000,
            last.timestamp_type,
            headers=None,
            key=None,
            value=b"",
            checksum=None,
            tp=tp,
            generation_id=generation_id,
        )
        self.records = [_record(record) for record in fetched]


class Consumer(driver.Consumer):
    """Faust's consumer, but for the size of what it hands on, and what it commits."""

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Stretch]]:
        """What was fetched, as long as the partitions are ours; else it will be read again."""
        fetched, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if fetched is None or self.should_stop:
            return
        if not self.flow_active:
            await self._seek_again()
            return
        for tp, records in _cut(fetched):
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if active is None or tp in active or tp in self._buffered_partitions:
                yield tp, Stretch(tp, records, generation)

    def ack(self, message: Message) -> bool:
        """Faust keeps no account of it: see `force_commit`."""
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit what is written. What Kafka refuses is tried again at the next tick."""
        written: Mapping[TP, int] = cast(Any, self.app).written
        # the committed offset of a partition is known when Faust has sought to it: before that,
        # what we wrote when we had the partition last could take the commit of another back
        due = {
            tp: written[tp]
            for tp in self._read_offset
            if written.get(tp, 0) > (self._committed_offset[tp] or 0)
        }
        if not due or not await self._commit(due):
            return False
        self._committed_offset.update(due)
        return True

    async def _seek_again(self) -> None:
        try:
            await self.perform_seek()
        except Exception:  # as Faust does: the rebalance that stopped the flow will seek as well
            log.warning("could not seek to what is committed", exc_info=True)


class Transport(driver.Transport):
    """The transport that an app is given."""

    Consumer = Consumer


def _cut(fetched: Mapping[TP, Sequence[Any]]) -> list[tuple[TP, Sequence[Any]]]:
    """Stretches of bounded size; the partitions take turns."""
    cut = [
        (start, tp, records[start : start + STRETCH_EVENTS_MAX])
        for tp, records in fetched.items()
        for start in range(0, len(records), STRETCH_EVENTS_MAX)
    ]
    return [(tp, records) for _, tp, records in sorted(cut, key=lambda one: one[0])]


def _record(fetched: Any) -> Record:
    return Record(
        fetched.topic,
        fetched.partition,
        fetched.offset,
        fetched.key,
        fetched.value or b"",
        tuple(fetched.headers or ()),
    )
