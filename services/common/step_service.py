"""A service around the atomic step: connects, runs, waits out outages, stops gracefully."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import redis

from services.common import clients
from services.common.batch import Batch, Decision, Handler, Output, Record
from services.common.health import HealthServer
from services.common.kafka_log import KafkaLog
from services.common.kafka_publisher import FencedPublisher, PlainPublisher
from services.common.metrics import LAG, OUTAGES, StepMetrics
from services.common.ports import LogGone, Parts, PublishFailed, StoreGone
from services.common.redis_store import RedisStore
from services.common.relay import Relay
from services.common.run import BetweenBatches, Stop, Watchdog
from services.common.settings import Settings
from services.common.step import Step

log_to = logging.getLogger(__name__)

ENGINES = ("Kafka", "Redis")
LAG_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What makes one service different from another.

    `renewed` is asked between two rounds: whether what the handler is made of has changed.
    """

    service: str
    topic: str
    make_handler: Callable[[redis.Redis], Handler]
    fenced: bool
    has_due: bool = False
    renewed: Callable[[], bool] = lambda: False


def run(settings: Settings, plan: Plan, stop: Stop) -> None:
    """Until stopped. Raises Gap when the log no longer holds what comes next."""
    checks = {name: partial(clients.missing, settings, name) for name in ENGINES}
    health = HealthServer(settings, checks).start()
    log_to.info("%s serves /healthz, /readyz and /metrics on port %d", plan.service, health.port)
    try:
        if clients.wait_for(settings, *ENGINES, stopped=stop):
            clients.ensure_topics(settings)
            _Worker(settings, plan, stop).run()
    finally:
        health.stop()


class _Guarded:
    """A handler whose trouble with Redis is an outage, and never blamed on a record."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def replace(self, handler: Handler) -> None:
        """Between two rounds: nothing is decided on, and what was prepared goes with the old."""
        self._handler = handler

    def prepare(self, records: Sequence[Record]) -> None:
        self._handler.prepare(records)

    def decide(self, batch: Batch) -> Decision:
        try:
            return self._handler.decide(batch)
        except redis.RedisError as error:
            raise StoreGone(f"Redis (RAPPORT_REDIS): {error}") from error

    def newest(self, stale: Sequence[Output]) -> list[Output]:
        try:
            return self._handler.newest(stale)
        except redis.RedisError as error:
            raise StoreGone(f"Redis (RAPPORT_REDIS): {error}") from error


class _Worker:
    """The step, its clients and its watchdog."""

    def __init__(self, settings: Settings, plan: Plan, stop: Stop) -> None:
        self._settings, self._plan, self._stop = settings, plan, stop
        self._redis = clients.redis_client(settings)
        group = plan.service
        ours = {"auto.offset.reset": "error", "enable.partition.eof": plan.has_due}
        consumer = clients.consumer(settings, group, **ours)
        self._log = KafkaLog(consumer, plan.topic, settings.batch_events_max)
        plain = clients.SENT_WHEN_FLUSHED | {"message.timeout.ms": 30_000}
        kept = clients.fenced(settings, group) if plan.fenced else plain
        make = partial(clients.producer, settings, **kept)
        self._handler = _Guarded(plan.make_handler(self._redis))
        self._step = Step(
            Parts(
                service=plan.service,
                log=self._log,
                store=RedisStore(
                    self._redis,
                    plan.service,
                    has_due=plan.has_due,
                    replicas=settings.replicas_acked,
                ),
                publisher=FencedPublisher(make, consumer, plan.topic)
                if plan.fenced
                else PlainPublisher(make),
                handler=self._handler,
                relay=Relay(),
                now_us=lambda: time.time_ns() // 1_000,
                observer=StepMetrics(plan.service),
            )
        )
        self._watchdog = Watchdog(settings.watchdog_s).start()
        self._lag_seen_at = 0.0

    def run(self) -> None:
        collector = BetweenBatches()
        try:
            while not self._stop():
                done = self._round()
                self._watchdog.alive()
                collector.batch_done(quiet=not done)
            self._leave()
        finally:
            self._watchdog.stop()
            self._log.close()
            self._redis.close()

    def _round(self) -> int:
        """How many records and due members were done."""
        done = 0
        if self._plan.renewed():
            self._handler.replace(self._plan.make_handler(self._redis))
        try:
            done = self._step.run_once()
            self._see_lag()
        except (LogGone, StoreGone, PublishFailed) as outage:
            OUTAGES.labels(self._plan.service).inc()
            log_to.error("%s; going on from Redis when it is back", outage)
            self._wait_out()
        return done

    def _wait_out(self) -> None:
        """Keep polling while engines are away; then go on from Redis's positions.

        At least once, even when all answer: a member that the group has forgotten (the broker
        was killed) learns it only by polling, and could publish nothing before.
        """
        self._step.reset()
        while True:
            self._log.pause()
            self._watchdog.alive()
            away = [name for name in ENGINES if clients.missing(self._settings, name)]
            if self._stop.wait(0.3) or not away:
                return

    def _leave(self) -> None:
        """Publish and free what is in flight, so that nobody has to take it over."""
        try:
            self._step.settle()
        except (LogGone, StoreGone, PublishFailed) as outage:
            log_to.warning("left with a full slot: %s", outage)

    def _see_lag(self) -> None:
        if time.monotonic() - self._lag_seen_at < LAG_EVERY_S:
            return
        self._lag_seen_at = time.monotonic()
        for partition, behind in self._log.lag().items():
            LAG.labels(self._plan.service, str(partition)).set(behind)
