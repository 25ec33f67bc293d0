"""Records to Kafka from the event loop: answers when every one is acknowledged, or says why not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol

from services.common.batch import Output
from services.ingest import metrics

#: Beyond so many unacknowledged records clients are asked to come back later.
QUEUE_RECORDS_MAX: Final = 100_000
POLL_PAUSE_S: Final = 0.002
NOT_CONNECTED: Final = "Kafka: not connected yet"


class Unavailable(Exception):  # noqa: N818 - a state of the world, not our error
    """Kafka does not take records now; nothing that was asked for counts as done."""


class Publisher(Protocol):
    """Returns when all are acknowledged (acks=all). Unavailable otherwise; a retry is harmless."""

    async def publish(self, outputs: Sequence[Output]) -> None: ...


class _Receipt:
    """Counts the delivery reports of one request down to its answer."""

    __slots__ = ("_done", "_error", "_open")

    def __init__(self, records: int, done: asyncio.Future[None]) -> None:
        self._open = records
        self._done = done
        self._error: object = None

    def delivered(self, error: object, _message: object) -> None:
        self._open -= 1
        if error is not None:
            self._error = error
        if self._open == 0 and not self._done.done():
            if self._error is None:
                self._done.set_result(None)
            else:
                self._done.set_exception(Unavailable(f"Kafka did not take it: {self._error}"))


class KafkaPublisher:
    """Owned by the event loop: it produces, and it serves the delivery reports in its pauses."""

    def __init__(self) -> None:
        self._producer: Any = None
        self._waiting = 0
        self._wanted = asyncio.Event()
        #: Why Kafka can not be used now; None when it can. Set by the link's thread.
        self.fault: str | None = NOT_CONNECTED

    def attach(self, producer: Any) -> None:
        """From now on records go to this producer."""
        self._producer = producer
        self.fault = None

    async def publish(self, outputs: Sequence[Output]) -> None:
        producer = self._producer
        if producer is None or self.fault is not None:
            raise Unavailable(self.fault or NOT_CONNECTED)
        if not outputs:
            return
        if len(producer) + len(outputs) > QUEUE_RECORDS_MAX:
            raise Unavailable("the queue to Kafka is full")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting += 1
        self._wanted.set()
        try:
            _produce(producer, outputs, _Receipt(len(outputs), done).delivered)
            await done
        finally:
            done.cancel()  # late reports of a request that gave up find nobody waiting
            self._waiting -= 1

    def close(self, seconds: float) -> None:
        """Wait for what is still under way; the answers to it were given or are not due."""
        if self._producer is not None:
            self._producer.flush(seconds)

    async def serve_reports(self) -> None:
        """Runs until it is cancelled: delivery reports become answers."""
        while True:
            if self._waiting == 0:
                self._wanted.clear()
                await self._wanted.wait()
            self._producer.poll(0)
            metrics.QUEUE_EVENTS.set(len(self._producer))
            await asyncio.sleep(POLL_PAUSE_S)


def _produce(producer: Any, outputs: Sequence[Output], delivered: Any) -> None:
    produce = producer.produce
    try:
        for output in outputs:
            produce(
                output.topic,
                output.value,
                output.key,
                headers=output.headers,
                on_delivery=delivered,
            )
    except BufferError:
        raise Unavailable("the queue to Kafka is full") from None
