"""Sends what is due at one endpoint. Endpoints share nothing: a slow one delays only itself."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

from redis import RedisError

from services.common.failpoints import hit
from services.journey.deliver import metrics
from services.journey.deliver.domain.schedule import Timing, is_last
from services.journey.deliver.job import Job
from services.journey.deliver.letters import DeadLetters, NotPublished, undeliverable
from services.journey.deliver.queue import Claim, Failure, Queue
from services.journey.deliver.sender import Attempt
from services.journey.domain.consent import Purpose

log = logging.getLogger(__name__)

CONCURRENCY: Final = 8
#: How often an idle worker looks for what another process has written.
LOOK_AGAIN_S: Final = 0.5
ENGINE_AGAIN_S: Final = 1.0
STOP_S: Final = 5.0


class Sends(Protocol):
    async def send(self, message_id: str, body: bytes) -> Attempt: ...

    async def close(self) -> None: ...


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Allows(Protocol):
    async def given(self, job: Job, purpose: Purpose, now_us: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class Door:
    """Where a worker's deliveries go, and for what, if that needs people's consent."""

    endpoint: str
    sender: Sends
    purpose: Purpose | None = None


class EndpointWorker:
    """One for each endpoint and process. Several processes may work on one endpoint."""

    def __init__(
        self, door: Door, queue: Queue, letters: DeadLetters, timing: Timing, permits: Allows
    ) -> None:
        self._endpoint, self._sender, self._purpose = door.endpoint, door.sender, door.purpose
        self._permits = permits
        self._queue = queue
        self._letters = letters
        self._timing = timing
        self._running: dict[asyncio.Task[None], str] = {}
        self._mistake: BaseException | None = None
        self._retired = False
        self._news = asyncio.Event()
        self._dice = random.Random()  # noqa: S311 - jitter, not a secret

    def wake(self) -> None:
        """There is something new in the queue."""
        self._news.set()

    def retire(self) -> None:
        """Claim nothing more; `run` ends when what is in flight has its result."""
        self._retired = True
        self._news.set()

    async def run(self) -> None:
        """Until retired, or cancelled: what is in flight then gets five seconds, the rest is given
        back."""
        metrics.DISABLED.labels(self._endpoint).set(0)
        try:
            while not self._retired:
                try:
                    await self._step()
                except RedisError as error:
                    # the engines' watch says which engine and which setting
                    log.debug("%s: Redis: %s", self._endpoint, error)
                    await asyncio.sleep(ENGINE_AGAIN_S)
            if self._running:
                await asyncio.wait(self._running)
            if self._mistake is not None:
                raise self._mistake
        finally:
            await self._finish()

    async def _step(self) -> None:
        if self._mistake is not None:
            raise self._mistake  # not a state of the world: it must be seen, so the process ends
        free = CONCURRENCY - len(self._running)
        self._news.clear()
        found = await self._queue.claim(self._endpoint, now_ms(), free)
        if self._retired:  # meanwhile: whoever comes after us sends it where it goes now
            await self._queue.release(self._endpoint, [one.id for one in found.claims], now_ms())
            return
        metrics.DISABLED.labels(self._endpoint).set(bool(found.disabled))
        for claim in found.claims:
            work = self._give_up if found.disabled or is_last(claim.failures) else self._try
            self._start(work(claim, found.disabled), claim.id)
        if len(self._running) >= CONCURRENCY:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        elif not found.claims:
            await self._idle(found.next_due_ms)

    def _start(self, work: Coroutine[Any, Any, None], id: str) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._running[task] = id
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not task.cancelled() and task.exception() is not None:
            self._mistake = task.exception()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except RedisError as error:
            # the lease ends by itself, then it is tried again under the same id
            log.warning("%s: a result was not written: %s", self._endpoint, error)

    async def _idle(self, next_due_ms: int) -> None:
        wait_s = LOOK_AGAIN_S
        if next_due_ms >= 0:
            wait_s = min(wait_s, max(0.01, (next_due_ms - now_ms()) / 1_000))
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            pass

    async def _try(self, claim: Claim, _: str) -> None:
        if self._purpose and not await self._allowed(claim, self._purpose):
            return
        hit("deliver_before_send")
        attempt = await self._sender.send(claim.id, claim.job.body)
        hit("deliver_after_send")
        metrics.ATTEMPT_SECONDS.labels(self._endpoint).observe(attempt.took_ms / 1_000)
        if attempt.succeeded:
            await self._succeeded(claim, attempt)
        else:
            await self._failed(claim, attempt)

    async def _allowed(self, claim: Claim, purpose: Purpose) -> bool:
        """Asked before every attempt, since a no may come between two of them."""
        at_ms = now_ms()
        if await self._permits.given(claim.job, purpose, at_ms * 1_000):
            return True
        if await self._queue.withheld(self._endpoint, claim.id, at_ms, purpose.name):
            metrics.DELIVERIES.labels(self._endpoint, "withheld").inc()
        return False

    async def _succeeded(self, claim: Claim, attempt: Attempt) -> None:
        at_ms = now_ms()
        first = await self._queue.delivered(
            self._endpoint, claim.id, at_ms, status=attempt.status or 0, took_ms=attempt.took_ms
        )
        if first:
            metrics.DELIVERIES.labels(self._endpoint, "delivered").inc()
            age_s = (at_ms - claim.job.queued_ms) / 1_000
            metrics.AGE_SECONDS.labels(self._endpoint).observe(max(0.0, age_s))

    async def _failed(self, claim: Claim, attempt: Attempt) -> None:
        at_ms, asked_ms = now_ms(), attempt.retry_after_ms
        failures = claim.failures + 1
        failure = Failure(
            why=attempt.why,
            took_ms=attempt.took_ms,
            next_due_ms=self._timing.next_attempt_ms(
                failures, at_ms, dice=self._dice.random(), retry_after_ms=asked_ms
            ),
            gone="it answered 410 Gone" if attempt.gone else "",
            peace_until_ms=at_ms + asked_ms if asked_ms and attempt.status in (429, 503) else 0,
        )
        disabled = await self._queue.failed(self._endpoint, claim, at_ms, failure)
        metrics.DELIVERIES.labels(self._endpoint, "failed").inc()
        log.info("%s: attempt %d of %s failed: %s", self._endpoint, failures, claim.id, attempt.why)
        if disabled:
            self._say_disabled(disabled)

    def _say_disabled(self, why: str) -> None:
        metrics.DISABLED.labels(self._endpoint).set(1)
        log.error(
            "webhook endpoint %s is disabled: %s. Its deliveries become dead letters. When it is "
            "mended: rapport webhooks enable %s, then rapport webhooks resend %s --all",
            self._endpoint,
            why,
            self._endpoint,
            self._endpoint,
        )

    async def _give_up(self, claim: Claim, disabled: str) -> None:
        why = f"endpoint disabled: {disabled}" if disabled else "every attempt failed"
        try:
            await self._letters.publish(undeliverable(self._endpoint, claim, why))
        except NotPublished as error:
            # the queue keeps it; when the lease ends the dead letter is tried again
            log.error("%s: dead letter of %s: %s", self._endpoint, claim.id, error)
            return
        if await self._queue.bury(self._endpoint, claim.id, now_ms(), why):
            metrics.DELIVERIES.labels(self._endpoint, "dead").inc()
            log.warning("%s: gave up %s: %s", self._endpoint, claim.id, why)

    async def _finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_S)
        unfinished = dict(self._running)
        for work in unfinished:
            work.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        try:
            await self._queue.release(self._endpoint, list(unfinished.values()), now_ms())
        except RedisError as error:
            log.warning("%s: claims end with their lease: %s", self._endpoint, error)
        await self._sender.close()
