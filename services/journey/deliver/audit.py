"""Looks every few seconds whether Redis still knows what was written, and whether Faust moves."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from redis import RedisError

from services.journey.deliver import metrics
from services.journey.deliver.intake import DOWN, Intake, Place
from services.journey.deliver.log_reader import LogReader
from services.journey.deliver.queue import Queue

log = logging.getLogger(__name__)

EVERY_S: Final = 3.0


class Stuck(Exception):  # noqa: N818 - the process ends with it
    """A partition has events, all engines are up, and its commit did not move for too long."""


class Audit:
    """One for each process; looks only at the partitions that are assigned to it."""

    def __init__(
        self,
        intake: Intake,
        queue: Queue,
        log_reader: LogReader,
        assigned: Callable[[], Iterable[Place]],
        stuck_s: float,
    ) -> None:
        self._intake = intake
        self._queue = queue
        self._log = log_reader
        self._assigned = assigned
        self._stuck_s = stuck_s
        self._moved: dict[Place, tuple[int, float]] = {}

    async def run(self) -> None:
        """Until cancelled, or Stuck."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.look()
            except DOWN as error:
                self._moved.clear()
                log.debug("no audit: %s", error)

    async def look(self) -> None:
        """Refill what Redis lost; then the lag. Raises Stuck, RedisError, LogUnreachable."""
        places = list(self._assigned())
        # read before the position in Redis: it can only be behind that, unless Redis lost some
        written = dict(self._intake.written)
        committed = await self._log.committed(places) if places else {}
        bounds = await self._log.bounds(places)
        for place in places:
            until = max(written.get(place, 0), committed.get(place, 0))
            position = await self._queue.position(*place) or 0
            _, high = bounds[place]
            if position < min(until, high):
                log.error("%s[%d]: Redis knows %d, written was %d", *place, position, until)
                await self._intake.refill(place, min(until, high))
        self._lag(bounds, committed)

    def _lag(self, bounds: Mapping[Place, tuple[int, int]], committed: Mapping[Place, int]) -> None:
        lag: Counter[str] = Counter()
        for place, (low, high) in bounds.items():
            behind = high - max(low, committed.get(place, low))
            lag[place[0]] += behind
            self._note(place, committed.get(place, -1), behind)
        for topic, behind in lag.items():
            metrics.LAG.labels(topic).set(behind)
        self._moved = {place: self._moved[place] for place in bounds}

    def _note(self, place: Place, committed: int, behind: int) -> None:
        now = time.monotonic()
        before, since = self._moved.get(place, (committed, now))
        if behind <= 0 or committed != before:
            self._moved[place] = (committed, now)
            return
        self._moved[place] = (before, since)
        if now - since > self._stuck_s:
            raise Stuck(f"{place[0]}[{place[1]}] stays at {committed}, {behind} events behind")


async def show_pending(queue: Queue, endpoints: Iterable[str]) -> None:
    """Keep the gauge of waiting deliveries, until cancelled."""
    while True:
        try:
            for endpoint in list(endpoints):  # they come while we wait for Redis
                metrics.PENDING.labels(endpoint).set(await queue.pending(endpoint))
        except RedisError as error:
            log.debug("pending: %s", error)
        await asyncio.sleep(EVERY_S)
