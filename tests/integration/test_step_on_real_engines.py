"""The atomic step against a real Kafka and a real Redis, with the smallest handler that counts."""

from __future__ import annotations

import threading
import time
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.embedded.engines import Engines
from schemas.dead_letter import DeadLetter, Reason
from services.common.batch import Batch, Decision, Output, Record, next_version, unpack_state
from services.common.clients import ensure_topics
from services.common.ports import Gap
from services.common.run import Stop
from services.common.settings import Settings
from services.common.step_service import Plan, _Worker
from tests import waiting

until = partial(waiting.until, within_s=20.0)


class Counting:
    """Counts events by key; a snapshot of each counter goes to the output topic."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def prepare(self, records: Sequence[Record]) -> None:
        """Nothing."""

    def decide(self, batch: Batch) -> Decision:
        decision = Decision()
        if any(record.value == b"poison" for record in batch.records):
            raise ValueError("poison")
        counts: dict[bytes, int] = {}
        partition: dict[bytes, int] = {}
        for record in batch.records:
            key = self._key(record.key or b"")
            counts[key] = counts.get(key, 0) + 1
            partition[key] = record.partition
        for key, more in counts.items():
            version, count = self._load(key)
            after = next_version(version, batch.taken_at_us)
            decision.reads[key] = version
            decision.writes[key] = (after, b"%d" % (count + more))
            output = self._output(key, after, count + more)
            decision.outputs.setdefault(partition[key], []).append(output)
        return decision

    def newest(self, stale: Sequence[Output]) -> list[Output]:
        return [self._output(o.watch or b"", *self._load(o.watch or b"")) for o in stale]

    def _key(self, key: bytes) -> bytes:
        return b"s:" + self._prefix.encode() + key

    def _load(self, key: bytes) -> tuple[int, int]:
        value = self._client.get(key)
        if value is None:
            return 0, 0
        version, body = unpack_state(value)  # type: ignore[arg-type]
        return version, int(body)

    def _output(self, key: bytes, version: int, count: int) -> Output:
        topic = f"{self._prefix}.out"
        return Output(topic, key, b"%d" % count, watch=key, version=version)


@pytest.fixture
def settings(engines: Engines) -> Settings:
    return Settings(
        kafka=engines.kafka,
        redis=engines.redis,
        clickhouse=engines.clickhouse,
        batch_events_max=50,
        session_timeout_ms=6000,
    )


@pytest.fixture
def topics(engines: Engines, prefix: str) -> str:
    admin = AdminClient({"bootstrap.servers": engines.kafka})
    wanted = [NewTopic(f"{prefix}.{name}", 4, 1) for name in ("in", "out", "dead_letters")]
    for future in admin.create_topics(wanted).values():
        future.result()
    return prefix


@contextmanager
def worker(settings: Settings, prefix: str, *, fenced: bool) -> Iterator[Stop]:
    stop = Stop()
    plan = Plan(prefix, f"{prefix}.in", lambda client: Counting(client, prefix), fenced=fenced)
    running = _Worker(settings, plan, stop)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def send(settings: Settings, prefix: str, values: Sequence[tuple[bytes, bytes]]) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka})
    for key, value in values:
        producer.produce(f"{prefix}.in", value, key)
    assert producer.flush(20) == 0


def last_by_key(settings: Settings, topic: str) -> dict[bytes, bytes]:
    """What a compacted topic would keep, as a reader of committed records sees it."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(4)])
    found: dict[bytes, bytes] = {}
    at_end = 0
    while at_end < 4:
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            at_end += 1
        else:
            found[message.key() or b""] = message.value() or b""
    consumer.close()
    return found


def total(settings: Settings, prefix: str) -> int:
    client = redis.Redis.from_url(settings.redis)
    values = client.mget(client.keys(f"s:{prefix}*") or ["none"])
    client.close()
    return sum(int(value[8:]) for value in values if value)


@pytest.mark.parametrize("fenced", [True, False])
def test_every_record_counts_once_over_restarts(
    settings: Settings, topics: str, fenced: bool
) -> None:
    events = [(b"k%d" % (n % 17), b"x") for n in range(1_000)]
    send(settings, topics, events[:500])
    with worker(settings, topics, fenced=fenced):
        until(lambda: total(settings, topics) == 500)
    send(settings, topics, events[500:])
    with worker(settings, topics, fenced=fenced):
        until(lambda: total(settings, topics) == 1_000)
    counts = last_by_key(settings, f"{topics}.out")
    assert sum(int(value) for value in counts.values()) == 1_000
    assert len(counts) == 17


def test_two_workers_share_the_partitions_and_count_each_record_once(
    settings: Settings, topics: str
) -> None:
    with worker(settings, topics, fenced=True), worker(settings, topics, fenced=True):
        for _ in range(10):
            send(settings, topics, [(b"k%d" % n, b"x") for n in range(50)])
            time.sleep(0.2)
        until(lambda: total(settings, topics) == 500)
    counts = last_by_key(settings, f"{topics}.out")
    assert set(counts.values()) == {b"10"}


def test_slots_are_free_when_a_worker_has_left(settings: Settings, topics: str) -> None:
    with worker(settings, topics, fenced=True):
        send(settings, topics, [(b"k", b"x")])
        until(lambda: total(settings, topics) == 1)
    client = redis.Redis.from_url(settings.redis)
    assert client.keys(f"o:{topics}:*") == []
    client.close()


def test_a_poisonous_record_becomes_a_dead_letter_and_delays_nobody(
    settings: Settings, topics: str
) -> None:
    ensure_topics(settings)
    send(settings, topics, [(b"k%d" % n, b"x") for n in range(40)])
    send(settings, topics, [(b"k7", b"poison")])
    send(settings, topics, [(b"k%d" % n, b"x") for n in range(40)])
    with worker(settings, topics, fenced=True):
        until(lambda: total(settings, topics) == 80)
    letters = [DeadLetter.model_validate_json(value) for value in all_of(settings, "dead_letters")]
    (letter,) = [one for one in letters if one.topic == f"{topics}.in"]
    assert letter.reason is Reason.POISON
    assert b64decode(letter.original) == b"poison"


@pytest.mark.parametrize("stored", [10**6, -5])
def test_a_position_that_the_log_does_not_hold_is_named_and_never_skipped(
    settings: Settings, topics: str, stored: int
) -> None:
    client = redis.Redis.from_url(settings.redis)
    for partition in range(4):
        client.set(f"p:{topics}:{partition}", f"{stored}:3")
    send(settings, topics, [(b"k", b"x")])
    plan = Plan(topics, f"{topics}.in", lambda one: Counting(one, topics), fenced=False)
    with pytest.raises(Gap, match=rf"{topics}.in.*stored position is {stored}.*position accept"):
        _Worker(settings, plan, Stop()).run()
    assert total(settings, topics) == 0
    client.close()


def all_of(settings: Settings, topic: str) -> list[bytes]:
    """Every committed record of a topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "reader",
            "enable.partition.eof": True,
        }
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    values, at_end = [], 0
    while at_end < len(partitions):
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            at_end += 1
        else:
            values.append(message.value() or b"")
    consumer.close()
    return values
