"""The Faust app: three agents that read the published topics into one bounded buffer.

Faust reads, balances partitions and commits; it decides nothing. What it commits is what `intake`
has written, by partition in order: events whose deliveries are durable in Redis (see `stretches`).
Should it still commit too much (facts: its issues 606, 315, 527), the position in Redis shows the
gap and `intake` reads it again; so nothing rests on Faust's commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import faust

from schemas.topics import ACTIONS, ALERTS, LIFECYCLE
from services.journey.deliver.intake import Intake, Place
from services.journey.deliver.stretches import Transport

log = logging.getLogger(__name__)

GROUP: Final = "journey.deliver"
TOPICS: Final = (LIFECYCLE.name, ALERTS.name, ACTIONS.name)
#: What waits in memory: for each topic, and behind the agents. A stretch is 250 events at most.
BUFFER_STRETCHES_MAX: Final = 8
BATCH_EVENTS_MAX: Final = 500
#: Live events come one by one; gathered ones share a call to Redis, and so one fsync.
GATHER_S: Final = 0.05


class App(faust.App):
    """Faust with our transport, and without the folders that it makes for tables: none."""

    #: (topic, partition) -> offset up to which it can be committed
    written: Mapping[Place, int]

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        pass


def make_app(broker: str, session_timeout_s: float, written: Mapping[Place, int]) -> Any:
    """An app without tables, web server, leader topic or producer; it commits what is written."""
    app = App(
        GROUP,
        broker=[f"kafka://{address}" for address in broker.split(",")],
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=BUFFER_STRETCHES_MAX,
        broker_commit_interval=1.0,
        broker_session_timeout=session_timeout_s,
        broker_heartbeat_interval=session_timeout_s / 3,
        loop=asyncio.get_running_loop(),
    )
    app.written = written
    app.boot_strategy.enable_kafka_producer = False
    return app


class Reading:
    """Agents fill the buffer; one writer empties it in batches."""

    def __init__(self, app: Any, intake: Intake) -> None:
        self._app = app
        self._intake = intake
        self._buffer: asyncio.Queue[Any] = asyncio.Queue(BUFFER_STRETCHES_MAX)
        for name in TOPICS:
            topic = app.topic(name, key_serializer="raw", value_serializer="raw")
            app.agent(topic, name=f"deliver.{name}", concurrency=1)(self._agent)
        app.finalize()

    async def _agent(self, stream: Any) -> None:
        async for event in stream.noack().events():
            await self._buffer.put(event)

    async def write(self) -> None:
        """Until cancelled. An event that is not written comes again after a restart."""
        while True:
            events = [await self._buffer.get()]
            if self._buffer.empty():
                await asyncio.sleep(GATHER_S)
            while not self._buffer.empty() and _count(events) < BATCH_EVENTS_MAX:
                events.append(self._buffer.get_nowait())
            await asyncio.gather(*map(self._write, by_partition(events).values()))

    async def _write(self, events: list[Any]) -> None:
        await self._intake.take_in([one for event in events for one in event.message.records])
        for event in events:
            event.ack()

    def assigned(self) -> list[Place]:
        """The partitions that this process reads now."""
        return [(place.topic, place.partition) for place in self._app.consumer.assignment()]


def by_partition(events: list[Any]) -> Mapping[Place, list[Any]]:
    """Stretches of one partition together, by offset."""
    parted: dict[Place, list[Any]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.message.offset):
        parted[event.message.topic, event.message.partition].append(event)
    return parted


def _count(events: list[Any]) -> int:
    return sum(len(event.message.records) for event in events)
