"""`python -m services.scoring score` and `... columns`: two processes, two consumer groups."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from services.common.clients import (
    ConsumerLost,
    EngineMissing,
    address,
    clickhouse_client,
    consumer,
    ensure_topics,
    kafka_config,
    missing,
    producer,
    wait_for,
)
from services.common.health import Check, HealthServer
from services.common.logs import setup
from services.common.run import BetweenBatches, Stop, Watchdog
from services.common.settings import Settings
from services.scoring.columns import ASKED_WITHIN_S, GROUP, SAID_AGAIN_AFTER_S, Columns
from services.scoring.insert import Outage
from services.scoring.store import migrate
from services.scoring.waiting import Partition

log = logging.getLogger(__name__)

#: Rows are inserted once a second: a fetch of all these partitions may gather for half of it. There
#: are many of them, so that each may hold but little.
GATHERED: Final = {
    "fetch.min.bytes": 1_000_000,
    "fetch.wait.max.ms": 500,
    "queued.max.messages.kbytes": 1_024,
}
#: An insert that takes longer is tried again; below Kafka's max.poll.interval.
ANSWER_WITHIN_S = 20


def connected(settings: Settings) -> Any:
    """A ClickHouse client, with tables and views up to date. Outage when it does not answer."""
    try:
        client = clickhouse_client(
            settings, connect_timeout=3, send_receive_timeout=ANSWER_WITHIN_S
        )
        migrate(client)
    except (ClickHouseError, OSError) as error:
        url = urlsplit(address(settings, "ClickHouse"))
        where = f"{url.hostname}:{url.port}"
        raise Outage(str(EngineMissing("ClickHouse", where, error))) from error
    except EngineMissing as error:
        raise Outage(str(error)) from error
    return client


def columns(settings: Settings, stop: Stop) -> None:
    """Keep ClickHouse up to date with the published topics until stopped."""
    setup(settings, "scoring.columns")
    workers: list[Columns] = []
    checks: dict[str, Check] = {
        "Kafka": partial(missing, settings, "Kafka"),
        "ClickHouse": lambda: missing(settings, "ClickHouse") or _fault_of(workers),
    }
    health = HealthServer(settings, checks).start()
    log.info("health on port %d", health.port)
    watchdog = Watchdog(settings.watchdog_s)
    if wait_for(settings, "Kafka", stopped=stop):
        ensure_topics(settings)
        worker = assembled(settings, workers)
        between = BetweenBatches()
        watchdog.start()
        while not stop():
            watchdog.alive()
            if worker.step():
                between.batch_done(quiet=True)  # else it would walk all rows that wait
        watchdog.stop()
        worker.finish()
    health.stop()


def assembled(settings: Settings, workers: list[Columns]) -> Columns:
    """The worker with its clients, put into `workers`, where callbacks find it."""
    reader = consumer(
        settings,
        GROUP,
        on_commit=lambda error, partitions: workers[0].on_commit(error, partitions),
        **{"enable.partition.eof": True},
        **GATHERED,
        **quiet(),
    )
    admin = AdminClient(kafka_config(settings))
    worker = Columns(
        reader,
        producer(settings, **quiet()),
        lambda: connected(settings),
        partial(oldest_offsets, admin),
    )
    workers.append(worker)
    worker.subscribe()
    return worker


def oldest_offsets(admin: Any, places: Sequence[Partition]) -> dict[Partition, int]:
    """The oldest offset that the log still holds, by one question. KafkaException: no answer."""
    if not places:
        return {}
    asked = {TopicPartition(*place): OffsetSpec.earliest() for place in places}  # type: ignore[no-untyped-call]
    found = admin.list_offsets(asked, request_timeout=ASKED_WITHIN_S)
    return {(one.topic, one.partition): told.result().offset for one, told in found.items()}


def quiet() -> dict[str, Any]:
    """Errors come to our log now and then, not twenty times a second past it to stderr."""
    return {"error_cb": SaidSometimes(), "log_level": 2, "reconnect.backoff.ms": 200}


class SaidSometimes:
    """Logs what librdkafka says of a broker that is away; it tries again twenty times a second."""

    def __init__(self) -> None:
        self._said_at = -SAID_AGAIN_AFTER_S

    def __call__(self, error: Any) -> None:
        if time.monotonic() - self._said_at >= SAID_AGAIN_AFTER_S:
            self._said_at = time.monotonic()
            log.error("Kafka (RAPPORT_KAFKA): %s", error)


def _fault_of(workers: list[Columns]) -> str | None:
    return workers[0].fault() if workers else None


def score(settings: Settings, stop: Stop) -> None:
    """Score profile snapshots until stopped."""
    from services.scoring.stream import run

    run(settings, stop)


COMMANDS = {"score": score, "columns": columns}


def main(arguments: list[str]) -> int:
    """Run one of the two processes; 1 when its consumer is lost, 2 when neither is named."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        sys.stderr.write("usage: python -m services.scoring (score | columns)\n")
        return 2
    try:
        COMMANDS[arguments[0]](Settings(), Stop().on_signals())
    except ConsumerLost as lost:
        log.critical("%s", lost)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
