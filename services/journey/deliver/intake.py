"""Published events → durable deliveries: plan, write in one call; what is written is committed."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from redis import RedisError

from services.common.batch import Record
from services.common.dead_letters import dead_letter
from services.journey.deliver import metrics
from services.journey.deliver.domain.payload import Content, Historic, Notice, Refused, read
from services.journey.deliver.endpoints import Target
from services.journey.deliver.job import Job, pack, unpack
from services.journey.deliver.keys import seen
from services.journey.deliver.letters import SERVICE, DeadLetters, NotPublished, undeliverable
from services.journey.deliver.log_reader import LogReader, LogUnreachable
from services.journey.deliver.queue import Claim, Delivery, Planned, Queue
from services.journey.deliver.worker import now_ms

log = logging.getLogger(__name__)

Place = tuple[str, int]
AGAIN_S: Final = 1.0
#: What can be down without being our fault: wait for it, as long as it takes.
DOWN = (RedisError, NotPublished, LogUnreachable)


class Intake:
    """Writes records of one partition at a time. Everything here can be repeated safely."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        queue: Queue,
        letters: DeadLetters,
        log_reader: LogReader,
        wake: Callable[[], None],
    ) -> None:
        self._targets = targets
        self._queue = queue
        self._letters = letters
        self._log = log_reader
        self._wake = wake
        #: (topic, partition) -> offset after the last record that this process has written
        self.written: dict[Place, int] = {}

    async def take_in(self, records: Sequence[Record]) -> None:
        """Write records of one partition, in order; waits while an engine is down."""
        while True:
            try:
                return await self._take_in(records)
            except DOWN as error:
                log.warning("deliveries are not written, again in a second: %s", error)
                await asyncio.sleep(AGAIN_S)

    async def refill(self, place: Place, until: int) -> None:
        """Write what the log has from the position in Redis up to an offset.

        Redis is behind after it lost the end of its file or failed over, and at the very first
        start. The position is read anew for each stretch: it may go back at any time.
        """
        while (position := await self._start(place)) < until:
            records, after = await self._log.read(place, position, until)
            first = records[0].offset if records else after
            if first > position:
                await self._queue.move(*place, position, first)
            if records:
                metrics.REFILLED.labels(place[0]).inc(len(records))
                await self._write(records)

    async def _start(self, place: Place) -> int:
        """The position in Redis. What the log does not hold is said aloud, then passed over."""
        position = await self._queue.position(*place)
        low, high = (await self._log.bounds([place]))[place]
        if position is not None and low <= position <= high:
            return position
        self._say_gap(place, position, low, high)
        await self._queue.move(*place, position, low)
        return low

    async def _take_in(self, records: Sequence[Record]) -> None:
        place = (records[0].topic, records[0].partition)
        left = records
        while left:
            left = left[await self._write(left) :]
            if left:
                await self.refill(place, left[0].offset)
        self.written[place] = max(self.written.get(place, 0), records[-1].offset + 1)

    async def _write(self, records: Sequence[Record]) -> int:
        """Write records of one partition. Returns how many: it stops where others are missing."""
        place = (records[0].topic, records[0].partition)
        outcomes: Counter[str] = Counter()
        contents = [read(record.topic, record.value, record.headers) for record in records]
        plans = [self._plan(*pair, outcomes) for pair in zip(records, contents, strict=True)]
        if outcomes["refused"] and not await self._refuse(place, records, contents):
            return 0
        at = 0
        while True:
            done = await self._queue.write(*place, plans[at:], now_ms())
            at += done.index
            outcomes.update(queued=done.written, known=done.known)
            if done.what != "full":
                break
            plans[at] = await self._without(done.endpoint, plans[at])
        for outcome, count in outcomes.items():
            metrics.EVENTS.labels(place[0], outcome).inc(count)
        self._wake()
        return at

    def _plan(self, record: Record, content: Content, outcomes: Counter[str]) -> Planned:
        deliveries: list[Delivery] = []
        match content:
            case Historic():
                outcomes["historic"] += 1
            case Refused():
                outcomes["refused"] += 1
            case Notice():
                deliveries = self._deliveries(content)
                outcomes["unsubscribed"] += not deliveries
        return record.offset, deliveries

    async def _refuse(
        self, place: Place, records: Sequence[Record], contents: Sequence[Content]
    ) -> bool:
        """Publish dead letters of what is not behind the position: once, unless we are killed.

        False when records before these are missing: their turn comes first.
        """
        position = await self._queue.position(*place)
        if position is None or records[0].offset > position:
            return False
        for record, content in zip(records, contents, strict=True):
            if isinstance(content, Refused) and record.offset >= position:
                await self._letters.publish(
                    dead_letter(
                        record,
                        service=SERVICE,
                        workspace=content.workspace,
                        reason=content.reason,
                        detail=content.detail,
                        now_us=now_ms() * 1_000,
                    )
                )
        return True

    def _deliveries(self, notice: Notice) -> list[Delivery]:
        bucket, member = seen(notice.event_id, notice.at)
        job = pack(Job(notice.topic, notice.workspace, now_ms(), notice.body))
        return [
            (target.key, bucket, member, notice.event_id, job)
            for target in self._targets.values()
            if target.workspace == notice.workspace and notice.topic in target.events
        ]

    async def _without(self, endpoint: str, plan: Planned) -> Planned:
        """The plan with the delivery for one endpoint, whose queue is full, as a dead letter."""
        offset, deliveries = plan
        left: list[Delivery] = []
        for key, bucket, member, id, job in deliveries:
            if key == endpoint:
                claim = Claim(id, unpack(job), failures=0)
                await self._letters.publish(undeliverable(key, claim, "its queue is full"))
                metrics.DELIVERIES.labels(key, "dead").inc()
                log.error("%s: %s became a dead letter: the queue is full", key, id)
            left.append((key, bucket, member, id, b"" if key == endpoint else job))
        return offset, left

    def _say_gap(self, place: Place, position: int | None, low: int, high: int) -> None:
        name = f"{place[0]}[{place[1]}]"
        if position is None:
            log.info("%s: no position in Redis, reading from the beginning, %d", name, low)
        elif position < low:
            log.error("%s: the log lost the events %d to %d unread", name, position, low - 1)
        else:
            log.error("%s: position %d is after the end, %d: a new log?", name, position, high)
