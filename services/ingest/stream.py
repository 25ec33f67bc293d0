"""touchpoints.inbound → touchpoints.accepted, dead_letters

read a batch → let each call in or refuse it → Kafka has them all → commit the offsets.
At least once, with the same ids: what is read twice is dropped as a duplicate downstream.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition

from schemas.base import from_micros, micros
from schemas.topics import INBOUND
from services.common import clients
from services.common.batch import Output, Record
from services.common.failpoints import hit
from services.common.kafka_publisher import hand_over
from services.common.run import Stop, Watchdog
from services.common.settings import Settings
from services.ingest import metrics
from services.ingest.again import SOURCE, homeless, judged_again, workspace_named_by
from services.ingest.api import count
from services.ingest.domain.refusal import Refusal
from services.ingest.door import Arrival, Door
from services.ingest.keys import Doors
from services.ingest.letters import Place, Verdict, outputs_of
from services.ingest.live import Live
from services.ingest.way import redriven_of

log = logging.getLogger(__name__)

GROUP: Final = "ingest"
TAKE_S: Final = 0.2
#: Records may have a megabyte each, and a batch of them is held in memory.
TAKEN_RECORDS_MAX: Final = 1_000
SAID_AGAIN_AFTER_S: Final = 30.0
#: Two of one name take it from each other: not at full speed.
LOST_S: Final = 1.0


class Inbound:
    """One consumer and one producer of its own, in one thread."""

    def __init__(self, settings: Settings, doors: Doors, stop: Stop, live: Live) -> None:
        self._settings = settings
        self._doors = doors
        self._stop = stop
        self._live = live
        self._take_max = min(settings.batch_events_max, TAKEN_RECORDS_MAX)
        self._where = ""
        self._said_at = -SAID_AGAIN_AFTER_S

    def run(self) -> None:
        """Until stopped. A Kafka that is away is waited for; nothing is committed meanwhile."""
        self._where = clients.address(self._settings, "Kafka")
        watchdog = Watchdog(self._settings.watchdog_s).start()
        producer = clients.producer(self._settings, **{"message.timeout.ms": 10_000})
        try:
            while not self._stop():
                self._read(producer, watchdog)
        finally:
            watchdog.stop()

    def _read(self, producer: Any, watchdog: Watchdog) -> None:
        """By one consumer, until stopped or until Kafka's client gives up on it."""
        with closing(clients.consumer(self._settings, GROUP)) as consumer:
            consumer.subscribe([INBOUND.name])
            try:
                while not self._stop():
                    watchdog.alive()
                    self._turn(consumer, producer, watchdog)
            except clients.ConsumerLost as lost:
                log.error("touchpoints.inbound: %s; going on with another consumer", lost)
                self._stop.wait(LOST_S)

    def _turn(self, consumer: Any, producer: Any, watchdog: Watchdog) -> None:
        messages = consumer.consume(self._take_max, TAKE_S)
        now = datetime.now(UTC)
        places = [_place(each, now) for each in messages if not self._is_fault(each)]
        if not places:
            return
        hit("after_read")
        judged = self._judged(places, now)
        outputs = [output for _, verdicts in judged for output in outputs_of(verdicts)]
        if self._published(producer, outputs, watchdog):
            hit("before_next_commit")
            for source, verdicts in judged:
                count(verdicts, source)
                self._live.show(source, verdicts)
            self._commit(consumer, [place.record for place in places])

    def _judged(self, places: list[Place], now: datetime) -> list[tuple[str, list[Verdict]]]:
        """(source, verdicts) for each workspace that the records are for."""
        by_name: dict[str | None, list[Place]] = {}
        judged: list[tuple[str, list[Verdict]]] = []
        for place in places:
            if redriven := redriven_of(place.record):
                judged.append((redriven.source, judged_again(self._doors, place, redriven)))
            else:
                name = workspace_named_by(place.record, self._doors)
                by_name.setdefault(name, []).append(place)
        for name, those in by_name.items():
            door = self._doors.of_workspace(name)
            if door is None:
                judged.append((SOURCE, [homeless(place, name, self._doors) for place in those]))
            else:
                judged.append((SOURCE, self._admitted(door, those, now)))
        return judged

    def _admitted(self, door: Door, places: list[Place], now: datetime) -> list[Verdict]:
        """The verdicts on the calls that the records are; one may be several, or none."""
        foreign = self._doors.foreign_of(door.sender.workspace)
        raws: list[bytes] = []
        of_calls: list[Place] = []
        refusals: list[Verdict] = []
        for place in places:
            record, at = place
            calls = foreign.understood(record)
            for call in calls:
                if isinstance(call, Refusal):
                    refusals.append(door.refuse(record.value, call, at, record))
                else:
                    raws.append(call)
                    of_calls.append(place)
            if not calls:
                metrics.PASSED_OVER.labels(SOURCE).inc()
        return door.admit(raws, Arrival(now), of_calls) + refusals

    def _published(self, producer: Any, outputs: Sequence[Output], watchdog: Watchdog) -> bool:
        """True once every record is acknowledged; False when stopped before."""
        while outputs and not self._stop():
            failed: list[Output] = []
            for output in outputs:
                hand_over(producer, output, partial(_note_failure, failed, output))
            hit("middle_of_produce")
            while producer.flush(1):
                watchdog.alive()
            outputs = failed
            if failed:
                self._say(f"Kafka did not acknowledge {len(failed)} records; sending them again")
                self._stop.wait(0.5)
            watchdog.alive()
        return not outputs

    def _commit(self, consumer: Any, records: Sequence[Record]) -> None:
        """Tell Kafka how far we are. If that fails they are read again, and dropped as repeats."""
        nexts: dict[tuple[str, int], int] = {}
        for record in records:
            nexts[record.topic, record.partition] = record.offset + 1
        places = [TopicPartition(topic, number, at) for (topic, number), at in nexts.items()]
        try:
            consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            self._say(f"the offsets were not committed ({error}); the records are read again")
        for place in places:
            _, end = consumer.get_watermark_offsets(place, cached=True)
            lag = max(0, end - place.offset)
            metrics.INBOUND_LAG.labels(str(place.partition)).set(lag)

    def _is_fault(self, message: Any) -> bool:
        error = message.error()
        if error is not None:
            fault = clients.unless_lost(error)
            self._say(str(clients.EngineMissing("Kafka", self._where, fault)))
        return error is not None

    def _say(self, fault: str) -> None:
        """Once in half a minute, so that an outage does not fill the log."""
        if time.monotonic() - self._said_at >= SAID_AGAIN_AFTER_S:
            log.error("touchpoints.inbound: %s", fault)
            self._said_at = time.monotonic()


def _place(message: Any, now: datetime) -> Place:
    """The record and its own time, which a wait in the log does not change; never in the future."""
    _, at_ms = message.timestamp()
    now_ms = micros(now) // 1_000
    at = from_micros(at_ms * 1_000) if 0 < at_ms < now_ms else now
    record = Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value() or b"",
        tuple((name, value or b"") for name, value in message.headers() or ()),
    )
    return Place(record, at)


def _note_failure(failed: list[Output], output: Output, error: object, _message: object) -> None:
    if error is not None:
        failed.append(output)
