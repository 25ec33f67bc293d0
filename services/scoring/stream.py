"""profiles.changed, models → scores.changed"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Final

from confluent_kafka import KafkaException

from services.common.clients import (
    consumer,
    ensure_topics,
    fenced,
    missing,
    producer,
    wait_for,
)
from services.common.health import HealthServer
from services.common.kafka_publisher import FencedPublisher
from services.common.logs import setup
from services.common.ports import PublishFailed
from services.common.relay import Relay
from services.common.run import Stop, Watchdog, settle_memory
from services.common.settings import Settings
from services.common.workspace_follow import Followed
from services.common.workspace_watch import Workspaces
from services.scoring.decide import SERVICE, Asked
from services.scoring.metrics import SCORE_LAG, SCORE_OUTAGES
from services.scoring.models import Models
from services.scoring.worker import TOPIC, Clients, Worker

log = logging.getLogger(__name__)

GROUP: Final = SERVICE
LAG_EVERY_S: Final = 2.0
#: After a failure, and where nothing waits; eight times as many when behind.
BITE_SNAPSHOTS: Final = 2_000
#: Models come once a day: Kafka answers when there is one, not ten times a second that none is.
RARE: Final = {"fetch.min.bytes": 1, "fetch.wait.max.ms": 500}


def run(settings: Settings, stop: Stop) -> None:
    """Score profile snapshots until stopped; wait out Kafka's absence."""
    setup(settings, SERVICE)
    health = HealthServer(settings, {"Kafka": partial(missing, settings, "Kafka")}).start()
    log.info("health on port %d", health.port)
    try:
        with Followed(settings.workspace) as followed:
            if wait_for(settings, "Kafka", stopped=stop):
                ensure_topics(settings)
                _score(settings, assembled(settings, Relay(), followed), stop)
    finally:
        health.stop()


def assembled(settings: Settings, relay: Relay, followed: Followed) -> Worker:
    """The worker with its clients."""
    reader = consumer(settings, GROUP)
    make = partial(producer, settings, **fenced(settings, GROUP))
    clients = Clients(
        consumer=reader,
        models=Models(
            consumer(settings, f"{GROUP}.models", **RARE),
            _asked(followed.current),
            lambda: _asked(followed.current) if followed.renewed() else None,
        ),
        publisher=FencedPublisher(make, reader, TOPIC),
        relay=relay,
    )
    return Worker(clients, min(settings.batch_events_max, BITE_SNAPSHOTS))


def _asked(workspaces: Workspaces) -> dict[str, Asked]:
    return {
        name: Asked(one.alive_thresholds(), one.profiling_purpose)
        for name, one in workspaces.items()
    }


def _score(settings: Settings, worker: Worker, stop: Stop) -> None:
    settle_memory()
    watchdog = Watchdog(settings.watchdog_s).start()
    lag_seen_at = 0.0
    while not stop():
        watchdog.alive()
        try:
            worker.step()
        except (PublishFailed, KafkaException) as outage:
            SCORE_OUTAGES.inc()
            log.error("%s; going on from what is published when it is back", outage)
            _wait_out(settings, worker, watchdog, stop)
        if time.monotonic() - lag_seen_at >= LAG_EVERY_S:
            lag_seen_at = time.monotonic()
            for partition, behind in worker.lag().items():
                SCORE_LAG.labels(str(partition)).set(behind)
    watchdog.stop()
    _leave(worker)


def _wait_out(settings: Settings, worker: Worker, watchdog: Watchdog, stop: Stop) -> None:
    worker.pause()  # a worker that lost its partitions meanwhile hears of it here
    while not stop() and missing(settings, "Kafka"):
        watchdog.alive()
        stop.wait(0.3)
        worker.pause()
    worker.rewind()


def _leave(worker: Worker) -> None:
    """Commit what is published, so that nobody has to do it again."""
    try:
        worker.settle()
    except PublishFailed as outage:
        log.warning("left before all scores were published: %s", outage)
    worker.close()
