"""Assembles delivery and runs it: engines → Faust → queue → one worker for each endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import redis.asyncio as aioredis
from aiokafka.errors import KafkaError as AioKafkaError  # type: ignore[import-untyped]
from confluent_kafka import KafkaException

from services.common import clients, logs
from services.common.health import HealthServer
from services.common.run import STUCK_STATUS, Stop, Watchdog
from services.common.settings import Settings
from services.common.workspace_follow import Followed
from services.journey.deliver.app import GROUP, Reading, make_app
from services.journey.deliver.audit import Audit, Stuck, show_pending
from services.journey.deliver.crew import Crew
from services.journey.deliver.domain.schedule import Timing
from services.journey.deliver.endpoints import Target, targets
from services.journey.deliver.intake import Intake
from services.journey.deliver.letters import DeadLetters
from services.journey.deliver.log_reader import LogReader
from services.journey.deliver.permits import Permits
from services.journey.deliver.queue import Queue
from services.journey.deliver.sender import Sender
from services.journey.deliver.worker import Door, EndpointWorker

log = logging.getLogger(__name__)

ENGINES: Final = ("Kafka", "Redis")
WATCH_EVERY_S: Final = 2.0
FOLLOW_EVERY_S: Final = 0.2
#: These say the same for every failed connection; the engines' watch says it once, with the cure.
NOISY: Final = ("aiokafka", "faust", "mode")


def run(settings: Settings) -> None:
    """Deliver until SIGTERM; start anew when Faust crashes; exit status 70 when stuck."""
    logs.setup(settings, "journey-deliver")
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL if name == "aiokafka" else "WARNING")
    stop = Stop().on_signals()
    with Followed(settings.workspace) as followed:
        watchdog = Watchdog(settings.watchdog_s).start()
        checks = {name: _check(settings, name) for name in ENGINES}
        health = HealthServer(settings, checks).start()
        log.info("health at http://%s:%d", settings.health_host, health.port)
        try:
            _run_until(stop, settings, followed, watchdog)
        finally:
            watchdog.stop()
            health.stop()
    log.info("stopped")


def _run_until(stop: Stop, settings: Settings, followed: Followed, watchdog: Watchdog) -> None:
    def stopped() -> bool:
        watchdog.alive()  # waiting for an engine is not being stuck
        return stop()

    while clients.wait_for(settings, *ENGINES, stopped=stopped):
        try:
            clients.ensure_topics(settings)
            asyncio.run(serve(settings, followed, stop, watchdog))
        except (clients.EngineMissing, KafkaException, AioKafkaError) as error:
            log.error("an engine went away at the start, again in a second: %s", error)
            stop.wait(1)


def _check(settings: Settings, engine: str) -> Any:
    return lambda: clients.missing(settings, engine)


async def serve(settings: Settings, followed: Followed, stop: Stop, watchdog: Watchdog) -> None:
    """One life of the app: until the stop is set or Faust crashes. Leaves nothing behind."""
    async with _parts(settings) as parts:
        _take_over(settings, followed, parts.crew)
        app = make_app(
            clients.address(settings, "Kafka"),
            settings.session_timeout_ms / 1_000,
            parts.intake.written,
        )
        reading = Reading(app, parts.intake)
        audit = Audit(
            parts.intake, parts.queue, parts.log_reader, reading.assigned, settings.watchdog_s
        )
        jobs = [
            parts.crew.run(),
            _follow(settings, followed, parts.crew),
            audit.run(),
            show_pending(parts.queue, parts.crew.known),
            _watch_engines(settings),
        ]
        background = [asyncio.create_task(job) for job in jobs]
        writing = asyncio.create_task(reading.write())
        try:
            await _live(app, [*background, writing], stop, watchdog)
        finally:
            await app.stop()
            await _end([writing])
            await _end(background)


async def _live(app: Any, tasks: list[asyncio.Task[None]], stop: Stop, watchdog: Watchdog) -> None:
    await app.start()
    log.info("reading as %s", GROUP)
    while not stop() and not app.crashed:
        watchdog.alive()
        for task in tasks:
            if task.done():
                _ended(task)
        await asyncio.sleep(0.1)
    if app.crashed:
        log.error("Faust crashed, starting it anew: %r", app.crash_reason)
        await asyncio.sleep(1)


def _ended(task: asyncio.Task[None]) -> None:
    """A task that never ends has ended: stuck, or a mistake of ours that must be seen."""
    try:
        task.result()
    except Stuck as error:
        log.critical("no progress, ending the process: %s", error)
        os._exit(STUCK_STATUS)
    raise AssertionError(f"{task.get_name()} ended")


async def _follow(settings: Settings, followed: Followed, crew: Crew) -> None:
    """The endpoints as the workspace has them, until cancelled."""
    while True:
        await asyncio.sleep(FOLLOW_EVERY_S)
        if followed.renewed():
            _take_over(settings, followed, crew)


def _take_over(settings: Settings, followed: Followed, crew: Crew) -> None:
    private = settings.webhook_allow_private
    found = targets(followed.current.values(), os.environ, allow_private=private)
    crew.renew(found)
    log.info("endpoints: %s", [*found])


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _watch_engines(settings: Settings) -> None:
    """Say once that an engine is gone, with its setting, and once that it is back."""
    known: dict[str, str | None] = dict.fromkeys(ENGINES)
    while True:
        for engine in ENGINES:
            fault = await asyncio.to_thread(clients.missing, settings, engine)
            if fault and not known[engine]:
                log.error("%s; waiting for it", fault)
            elif known[engine] and not fault:
                log.info("%s is back", engine)
            known[engine] = fault
        await asyncio.sleep(WATCH_EVERY_S)


@dataclass(frozen=True, slots=True)
class Parts:
    """What lives as long as one life of the app."""

    queue: Queue
    intake: Intake
    log_reader: LogReader
    crew: Crew


@contextlib.asynccontextmanager
async def _parts(settings: Settings) -> AsyncIterator[Parts]:
    timing = Timing(settings.webhook_retry_scale)
    client = aioredis.Redis.from_url(
        clients.address(settings, "Redis"),
        socket_timeout=10,
        socket_connect_timeout=3,
        protocol=2,
    )
    letters = DeadLetters(lambda: clients.producer(settings))
    log_reader = LogReader(lambda: clients.consumer(settings, GROUP))
    try:
        queue, permits = Queue(client, timing), Permits(client)

        def hired(target: Target) -> EndpointWorker:
            door = Door(target.key, _sender(settings, target, timing), target.purpose)
            return EndpointWorker(door, queue, letters, timing, permits)

        crew = Crew(hired)
        intake = Intake(crew.targets, queue, letters, log_reader, crew.wake)
        yield Parts(queue, intake, log_reader, crew)
    finally:
        await client.aclose()
        await asyncio.to_thread(log_reader.close)
        letters.close()


def _sender(settings: Settings, target: Target, timing: Timing) -> Sender:
    return Sender(target, timeout_s=timing.timeout_s, allow_private=settings.webhook_allow_private)
