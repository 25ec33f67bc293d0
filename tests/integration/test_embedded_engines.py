"""The embedded engines: they keep what they were given, whatever ends them."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from redis import Redis

from deploy.embedded import ports
from deploy.embedded.engines import Engines, start_engines
from deploy.embedded.process import ANALYTICS_NICE, still_runs


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Engines of this file alone: it kills them."""
    running = start_engines(tmp_path_factory.mktemp("engines"))
    yield running
    running.stop()


def client(engines: Engines) -> Client:
    address = urlsplit(engines.clickhouse)
    return clickhouse_connect.get_client(host=address.hostname, port=address.port or 0)


def produce(engines: Engines, topic: str, value: bytes) -> None:
    admin = AdminClient({"bootstrap.servers": engines.kafka})
    for done in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        done.result(30)
    problems: list[object] = []
    producer = Producer({"bootstrap.servers": engines.kafka, "acks": "all"})
    producer.produce(topic, value, on_delivery=lambda error, _: problems.append(error))
    assert producer.flush(30) == 0
    assert problems == [None]


def consume(engines: Engines, topic: str) -> bytes | None:
    consumer = Consumer(
        {"bootstrap.servers": engines.kafka, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    try:
        messages = consumer.consume(1, 30)
        return messages[0].value() if messages else None
    finally:
        consumer.close()


def test_kafka_keeps_its_records_over_kill_9(own: Engines, prefix: str) -> None:
    produce(own, prefix, b"kept")
    address = own.kafka
    own.kill("kafka")
    assert not own.alive("kafka")
    own.start("kafka")
    assert own.kafka == address
    assert consume(own, prefix) == b"kept"


def test_redis_keeps_its_keys_over_kill_9(own: Engines, prefix: str) -> None:
    with Redis.from_url(own.redis) as redis:
        redis.set(prefix, b"kept")
    own.kill("redis")
    own.start("redis")
    with Redis.from_url(own.redis) as redis:
        assert redis.get(prefix) == b"kept"
        assert redis.config_get("appendfsync") == {"appendfsync": "always"}
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_what_was_killed_has_left_its_port(own: Engines) -> None:
    port = own.processes["redis"].port
    assert port is not None
    for _ in range(20):  # its threads end one after the other: once in two the port was held
        own.kill("redis")
        assert ports.is_free(port)
        own.start("redis")


def test_a_port_taken_while_its_engine_was_down_is_an_error_that_names_the_holder(
    own: Engines,
) -> None:
    own.kill("redis")
    with socket.socket() as faster:
        faster.bind((ports.HOST, own.processes["redis"].port or 0))
        faster.listen()
        with pytest.raises(ports.PortTakenError, match=f"is held by pid {os.getpid()}"):
            own.start("redis")
    own.start("redis")


def test_clickhouse_keeps_its_rows_over_kill_9(own: Engines, prefix: str) -> None:
    with client(own) as before:
        before.command(f"CREATE TABLE {prefix} (a Int64) ENGINE = MergeTree ORDER BY a")
        before.insert(prefix, [[1], [2]], column_names=["a"])
    own.kill("clickhouse")
    own.start("clickhouse")
    with client(own) as after:
        assert after.query(f"SELECT sum(a) FROM {prefix}").result_rows == [(3,)]


def test_a_paused_engine_does_not_answer_until_it_is_resumed(own: Engines) -> None:
    own.pause("redis")
    assert own.alive("redis")
    assert not own.answers("redis")
    own.resume("redis")
    assert own.answers("redis")


def test_clickhouse_waits_where_the_processors_do_not_suffice_for_all(own: Engines) -> None:
    nice = {name: os.getpriority(os.PRIO_PROCESS, pid) for name, pid in own.pids.items()}
    assert nice["clickhouse"] == nice["kafka"] + ANALYTICS_NICE
    assert nice["redis"] == nice["kafka"]
    session = Path(f"/proc/{own.pids['clickhouse']}/autogroup")
    if session.exists():  # Linux shares by session, if it was built so
        assert session.read_text().split()[-1] == str(ANALYTICS_NICE)


def test_a_second_start_adopts_what_runs(own: Engines) -> None:
    said: list[str] = []
    own.pause("redis")
    again = start_engines(own.home, say=said.append)
    assert again.pids == own.pids
    assert again.answers("redis")
    assert sum("runs already" in line for line in said) == 3


def test_named_engines_are_used_and_nothing_is_started_for_them(
    own: Engines, tmp_path: Path
) -> None:
    again = start_engines(tmp_path, kafka=own.kafka, redis=own.redis, clickhouse=own.clickhouse)
    assert again.pids == {}
    assert again.redis == own.redis
    again.stop()
    assert len(own.pids) == 3


def test_a_port_that_is_lost_in_a_race_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as faster:
        faster.bind((ports.HOST, ports.free_port()))
        faster.listen()
        held = faster.getsockname()[1]
        monkeypatch.setattr(ports, "choose", lambda *_: held)
        started = start_engines(tmp_path, kafka="named", clickhouse="named")
    assert started.redis != f"redis://{ports.HOST}:{held}/0"
    assert started.answers("redis")
    started.stop()


def test_stopping_leaves_no_process_and_starting_again_finds_the_data(
    tmp_path: Path, own: Engines
) -> None:
    first = start_engines(tmp_path, kafka=own.kafka, clickhouse=own.clickhouse)
    with Redis.from_url(first.redis) as redis:
        redis.set("name", "kept")
    marks = [process._mark for process in first.processes.values()]
    first.stop()
    assert not any(still_runs(mark) for mark in marks)
    second = start_engines(tmp_path, kafka=own.kafka, clickhouse=own.clickhouse)
    assert second.redis == first.redis
    with Redis.from_url(second.redis) as redis:
        assert redis.get("name") == b"kept"
    second.stop()
