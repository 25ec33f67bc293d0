"""The published topics → ClickHouse: read, make rows, insert now and then, commit offsets.

Offsets are committed only after every row of them is in ClickHouse (or is a published dead
letter). Rows are absolute and versioned, so a row that comes twice changes nothing. While
ClickHouse does not answer, reading is paused, the group membership is kept by polling on, and
memory is bounded by what was read before.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from services.common.clients import unless_lost
from services.common.failpoints import hit
from services.scoring import metrics
from services.scoring.erased import Erased
from services.scoring.insert import Outage, insert
from services.scoring.refuse import letter_of, publish, record_of
from services.scoring.rows import PROCESSORS
from services.scoring.rows.table import Moment
from services.scoring.rows.touchpoints import TABLE as TOUCHPOINTS
from services.scoring.waiting import Line, Partition, Waiting

log = logging.getLogger(__name__)

GROUP: Final = "scoring.columns"
INSERT_EVERY_S: Final = 1.0
#: An insert costs ClickHouse the same 5 to 8 ms whatever it holds, and its part is merged again
#: and again: where rows stream in, larger inserts are made less often.
INSERT_DENSE_EVERY_S: Final = 2.5
DENSE_ROWS: Final = 2_000
#: So many are a large insert already. More of them at once save nothing and take memory.
LARGE_ROWS: Final = 20_000
READ_WITHIN_S: Final = 0.1
ASKED_WITHIN_S: Final = 5.0
EVENTS_MAX: Final = 5_000
SAID_AGAIN_AFTER_S: Final = 30.0
#: Touchpoints of an insert whose freshness is observed, at most.
FRESHNESS_OF: Final = 50
#: What a processor raises on a value that it can not make rows of.
NO_ROW: Final = (msgspec.DecodeError, ValueError, TypeError, ArithmeticError, RecursionError)

#: The oldest offset that the log still holds of some partitions. KafkaException: no answer.
Oldest = Callable[[Sequence[Partition]], dict[Partition, int]]

OCCURRED_AT: Final = TOUCHPOINTS.schema.get_field_index("occurred_at")
RECEIVED_AT: Final = TOUCHPOINTS.schema.get_field_index("received_at")


class Columns:
    """One worker. `connect` gives a ClickHouse client with the schema in place, or raises.

    Called from one thread; `step` blocks no longer than an insert may take.
    """

    def __init__(
        self, consumer: Any, producer: Any, connect: Callable[[], Any], oldest_of: Oldest
    ) -> None:
        self._consumer = consumer
        self._oldest_of = oldest_of
        self._producer = producer
        self._connect = connect
        self._client: Any = None
        self._waiting = Waiting()
        self._erased = Erased()
        self._done: dict[Partition, int] = {}
        self._settled_at = 0.0
        self._said_at = -SAID_AGAIN_AFTER_S
        self._fault: str | None = None

    def fault(self) -> str | None:
        """Why ClickHouse takes no rows now; None when it does."""
        return self._fault

    def subscribe(self) -> None:
        self._consumer.subscribe(
            list(PROCESSORS), on_assign=self._assigned, on_revoke=self._revoked
        )

    def step(self) -> bool:
        """Read a little; when it is time, insert what waits and commit its offsets.

        Gives whether it was time: then little is in memory.
        """
        self._read()
        due = self._due()
        if due:
            self._settled_at = time.monotonic()
            self._settle()
        return due

    def _due(self) -> bool:
        dense = DENSE_ROWS <= self._waiting.rows < LARGE_ROWS
        wait_s = INSERT_DENSE_EVERY_S if dense else INSERT_EVERY_S
        return time.monotonic() - self._settled_at >= wait_s or self._waiting.full()

    def finish(self) -> None:
        """Insert what waits, if ClickHouse takes it, and leave the group."""
        self._settle()
        self._consumer.close()

    def on_commit(self, error: Any, partitions: Sequence[Any]) -> None:
        """Kafka's answer to a commit. What failed is committed with the next one."""
        if error is None:
            return
        log.warning("offsets are not committed yet: %s", error)
        assigned = {(one.topic, one.partition) for one in self._consumer.assignment()}
        for one in partitions:
            if (one.topic, one.partition) in assigned:
                self._waiting.next_offsets.setdefault((one.topic, one.partition), one.offset)

    # -- read -------------------------------------------------------------------------------

    def _read(self) -> None:
        messages = self._consumer.consume(EVENTS_MAX, timeout=READ_WITHIN_S)
        read: Counter[str] = Counter()
        for message in messages:
            if message.error() is None:
                read[self._take(message)] += 1
            else:
                self._take_error(message)
        for topic, count in read.items():
            metrics.COLUMNS_EVENTS.labels(topic).inc(count)
        metrics.COLUMNS_WAITING_ROWS.set(self._waiting.rows)

    def _take(self, message: Any) -> str:
        """Keep the rows of a message, or its dead letter; gives its topic.

        Its key and headers are looked at only when it is refused: fetching them costs as much as
        all the rest of reading.
        """
        topic: str = message.topic()
        value = message.value() or b""
        self._waiting.read((topic, message.partition()), message.offset())
        try:
            for table, row in PROCESSORS[topic](value, message.timestamp()[1]):
                if self._erased.hides(table, row):
                    continue
                self._waiting.add(table, Line(row, message), len(value))
        except NO_ROW as error:
            self._refuse(message, f"no row can be made of this message: {error}")
        return topic

    def _take_error(self, message: Any) -> None:
        if message.error().code() == KafkaError._PARTITION_EOF:
            place = (message.topic(), message.partition())
            if message.offset() > self._done.get(place, 0):
                self._waiting.reached(place, message.offset())
        else:
            log.error("Kafka (RAPPORT_KAFKA): %s", unless_lost(message.error()))

    def _refuse(self, message: Any, detail: str) -> None:
        letter = letter_of(record_of(message), detail, time.time_ns() // 1000)
        if letter is not None:
            self._waiting.letters.append(letter)

    # -- insert and commit -----------------------------------------------------------------

    def _settle(self) -> None:
        try:
            if self._client is None:
                self._client = self._connect()
                self._erased.load(self._client)
                self._resume()
            self._insert_all()
        except Outage as outage:
            self._pause(outage)
            return
        if self._letters_are_safe():
            self._commit()
        self._show_lag()

    def _insert_all(self) -> None:
        inserted = False
        for table, lines in self._waiting.lines.items():
            if not lines:
                continue
            refused = insert(self._client, table, lines)
            for one in refused:
                self._refuse(one.line.message, one.detail)
            if table == TOUCHPOINTS.name:
                _observe_freshness(lines)
            self._waiting.inserted(table)
            inserted = True
        if inserted:
            hit("clickhouse_insert")

    def _letters_are_safe(self) -> bool:
        if self._waiting.letters and not publish(self._producer, self._waiting.letters):
            metrics.COLUMNS_ERRORS.labels("Kafka").inc()
            return False
        self._waiting.letters = []
        return True

    def _commit(self) -> None:
        offsets = self._waiting.next_offsets
        if not offsets:
            return
        self._done |= offsets
        self._waiting.next_offsets = {}
        try:
            self._consumer.commit(
                offsets=[TopicPartition(*place, offset) for place, offset in offsets.items()],
                asynchronous=True,
            )
        except KafkaException as error:
            log.warning("offsets are not committed yet: %s", error)
            self._waiting.next_offsets = offsets

    # -- engines come and go ----------------------------------------------------------------

    def _pause(self, outage: Outage) -> None:
        """Stop reading, say why, and try again with a new connection."""
        self._client = None
        self._fault = f"ClickHouse (RAPPORT_CLICKHOUSE): {outage}"
        metrics.COLUMNS_ERRORS.labels("ClickHouse").inc()
        metrics.COLUMNS_PAUSED.set(1)
        self._consumer.pause(self._consumer.assignment())
        if time.monotonic() - self._said_at >= SAID_AGAIN_AFTER_S:
            self._said_at = time.monotonic()
            log.error("%s; reading is paused", self._fault)

    def _resume(self) -> None:
        self._fault = None
        metrics.COLUMNS_PAUSED.set(0)
        self._said_at = -SAID_AGAIN_AFTER_S
        self._consumer.resume(self._consumer.assignment())
        log.info("ClickHouse answers, its tables and views are up to date; reading")

    def _assigned(self, consumer: Any, partitions: Sequence[Any]) -> None:
        """New partitions start at what was committed. They are paused with the next try."""
        places = {(one.topic, one.partition) for one in partitions}
        log.info("reading %d more partitions", len(places))
        _say_gaps(consumer, partitions, self._oldest_of)

    def _revoked(self, _consumer: Any, partitions: Sequence[Any]) -> None:
        """Another worker reads these from what was committed; rows that come twice are one."""
        for one in partitions:
            self._waiting.forget((one.topic, one.partition))
            self._done.pop((one.topic, one.partition), None)

    def _show_lag(self) -> None:
        lags = dict.fromkeys(PROCESSORS, 0)
        for one in self._consumer.assignment():
            _low, high = self._consumer.get_watermark_offsets(one, cached=True)
            done = self._done.get((one.topic, one.partition))
            if done is not None and high > done:
                lags[one.topic] += high - done
        for topic, lag in lags.items():
            metrics.COLUMNS_LAG.labels(topic).set(lag)


def _observe_freshness(lines: Sequence[Line]) -> None:
    """Of touchpoints spread evenly over the insert: each observation costs as much as its row."""
    now = time.time()
    for line in lines[:: len(lines) // FRESHNESS_OF + 1]:
        with suppress(ValueError):  # a refused line may have moments that are none
            metrics.COLUMNS_OCCURRED_SECONDS.observe(now - _seconds(line.row[OCCURRED_AT]))
            metrics.COLUMNS_RECEIVED_SECONDS.observe(now - _seconds(line.row[RECEIVED_AT]))


def _seconds(moment: Moment) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _say_gaps(consumer: Any, partitions: Sequence[Any], oldest_of: Oldest) -> None:
    """Name what the log dropped before it was read: reading goes on at the oldest message.

    Called while the group rebalances, so it may ask Kafka twice, not once for each partition.
    """
    try:
        committed = consumer.committed(list(partitions), timeout=ASKED_WITHIN_S)
        started = {(one.topic, one.partition): one.offset for one in committed if one.offset > 0}
        for (topic, partition), oldest in oldest_of(list(started)).items():
            if oldest > started[topic, partition]:
                place = (topic, partition, started[topic, partition], oldest)
                log.error("%s %d: the log lost the messages from %d to before %d", *place)
    except KafkaException as error:
        log.warning("could not compare the committed offsets with the log: %s", error)
