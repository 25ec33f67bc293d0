"""The change feed as server-sent events: so many streams, and none for ever or for a slow reader.

A stream takes more from Kafka only when what it took before was sent. Whoever reads nothing for a
while is let go, and goes on from the id of the last event they had (Last-Event-ID).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaException
from starlette.responses import Response

from services.common.clients import EngineMissing
from services.profile.api import metrics
from services.profile.api.answers import Refused, unavailable
from services.profile.api.feed import Feed, Told
from services.profile.api.keys import Holder

log = logging.getLogger(__name__)

STREAMS_MAX: Final = 16
STREAMS_OF_KEY_MAX: Final = 4
TAKE_S: Final = 0.5
#: So often a stream says where it is, if nothing else.
BEAT_S: Final = 10.0
#: A reader that takes nothing for so long is let go; and everyone once in a while, so that
#: streams spread over processes that were added.
SEND_S_MAX: Final = 20.0
STREAM_S_MAX: Final = 3_600.0

Still = Callable[[], bool]
Done = TypeVar("Done")


class Streams:
    """Those that are open. `stopping`: whether the process is about to end."""

    def __init__(self, stopping: Still) -> None:
        self._stopping = stopping
        self._threads = ThreadPoolExecutor(STREAMS_MAX, thread_name_prefix="changes")
        self._open: Counter[tuple[str, str]] = Counter()

    async def opened(
        self, holder: Holder, make: Callable[[], Feed], still: Still, noted: Callable[[int], None]
    ) -> Stream:
        """A stream for a holder. `still`: whether their key still opens it; `noted` is told how
        many changes are about to be shown. Refused: 400, 410, 503."""
        whose = (holder.premises.name, holder.name)
        if self._open.total() >= STREAMS_MAX or self._open[whose] >= STREAMS_OF_KEY_MAX:
            message = f"{STREAMS_OF_KEY_MAX} streams a key and {STREAMS_MAX} in all; close one"
            raise Refused(503, "too_many_streams", message)
        self._open[whose] += 1
        try:
            feed = await self._run(make)
        except (KafkaException, EngineMissing):
            self._close(whose)
            raise unavailable("Kafka") from None
        except BaseException:
            self._close(whose)
            raise
        metrics.STREAMS.set(self._open.total())
        return Stream(self, whose, feed, lambda: still() and not self._stopping(), noted)

    async def take(self, feed: Feed) -> list[Told]:
        return await self._run(lambda: feed.take(TAKE_S))

    async def end(self, whose: tuple[str, str], feed: Feed) -> None:
        self._close(whose)
        await self._run(feed.close)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _close(self, whose: tuple[str, str]) -> None:
        self._open[whose] -= 1
        metrics.STREAMS.set(self._open.total())

    async def _run(self, work: Callable[[], Done]) -> Done:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class Stream(Response):
    """One text/event-stream, until its reader, its key or the process goes."""

    media_type = "text/event-stream"

    def __init__(
        self,
        streams: Streams,
        whose: tuple[str, str],
        feed: Feed,
        still: Still,
        noted: Callable[[int], None],
    ) -> None:
        super().__init__()
        self._streams, self._whose, self._feed = streams, whose, feed
        self._still, self._noted = still, noted

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await self._send_start(send)
            await self._send_changes(send, gone)
            await send({"type": "http.response.body", "body": b""})
        except (TimeoutError, Refused, OSError) as ended:
            log.info("a change stream of %s ended: %s", self._whose, type(ended).__name__)
            raise _Cut from None
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone
            await self._streams.end(self._whose, self._feed)

    async def _send_start(self, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._say(send, _beat(self._feed.cursor))

    async def _send_changes(self, send: Any, gone: asyncio.Task[None]) -> None:
        ends_at = time.monotonic() + STREAM_S_MAX
        said_at = time.monotonic()
        while not gone.done() and self._still() and time.monotonic() < ends_at:
            told = await self._streams.take(self._feed)
            if told:
                self._noted(len(told))
                await self._say(send, b"".join(map(_event, told)))
                metrics.CHANGES.inc(len(told))
                said_at = time.monotonic()
            elif time.monotonic() - said_at >= BEAT_S:
                await self._say(send, _beat(self._feed.cursor))
                said_at = time.monotonic()

    async def _say(self, send: Any, words: bytes) -> None:
        async with asyncio.timeout(SEND_S_MAX):
            await send({"type": "http.response.body", "body": words, "more_body": True})


class _Cut(Exception):  # noqa: N818 - how a connection is ended in the middle of an answer
    """The answer stays unfinished, so that its reader knows that it is no end."""


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(told: Told) -> bytes:
    return b"id: %b\nevent: change\ndata: %b\n\n" % (told.cursor.encode(), told.change)


def _beat(cursor: str) -> bytes:
    """Where the stream is, for who asks at the next start."""
    return b"id: %b\nevent: beat\ndata: {}\n\n" % cursor.encode()
