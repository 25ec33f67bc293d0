"""Rows `ingest_batch` and `ingest_single`: ingest over real HTTP, acknowledged by Kafka."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import psutil
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.embedded.ports import free_port
from services.common import clients
from services.common.settings import Settings
from tests.bench.ingest_load import bodies

HOST: Final = "127.0.0.1"
#: The bare loop writes what no service could read, so it has a topic of its own, made alike.
BARE_TOPIC: Final = "bench.ingest.bare"
START_S_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: so many requests of so many events over so many connections.

    `processes`: ingest processes that share the port.
    """

    events_per_request: int
    connections: int
    requests: int
    warm_up_requests: int
    processes: int = 1


def bench_batch(settings: Settings) -> list[dict[str, Any]]:
    """Batches of 100 events: a process for each of two cores, and one alone; 8 connections each."""
    alone = Load(events_per_request=100, connections=8, requests=3_000, warm_up_requests=300)
    both = replace(alone, connections=16, processes=2)
    return [
        _row("ingest_batch", settings, both),
        _row("ingest_alone", settings, alone),
    ]


def bench_single(settings: Settings) -> dict[str, Any]:
    """One event a request over 64 connections."""
    load = Load(events_per_request=1, connections=64, requests=20_000, warm_up_requests=2_000)
    return _row("ingest_single", settings, load)


def _row(name: str, settings: Settings, load: Load) -> dict[str, Any]:
    with running(settings, load.processes) as (processes, port):
        _sent(port, load, load.warm_up_requests)
        before = cpu_s(processes)
        measured = _sent(port, load, load.requests)
        used_s = cpu_s(processes) - before
    return {
        "name": name,
        "processes": load.processes,
        "events_per_s": round(measured["events"] / measured["seconds"]),
        "cpu_us_per_event": round(used_s / measured["events"] * 1e6, 1),
        "bare_events_per_s": round(_bare_events_per_s(settings, load)),
        "p99_ms": round(measured["p99_ms"], 1),
    }


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Seconds of processor that they have used, together."""
    used = [process.cpu_times() for process in processes]
    return sum(one.user + one.system for one in used)


@contextmanager
def running(settings: Settings, count: int) -> Iterator[tuple[list[psutil.Process], int]]:
    port = free_port()
    with ExitStack() as stack:
        yield [stack.enter_context(_process(settings, port)) for _ in range(count)], port


@contextmanager
def _process(settings: Settings, port: int) -> Iterator[psutil.Process]:
    health = free_port()
    environment = os.environ | {
        "RAPPORT_KAFKA": clients.address(settings, "Kafka"),
        "RAPPORT_HTTP_HOST": HOST,
        "RAPPORT_HTTP_PORT": str(port),
        "RAPPORT_HTTP_PORT_SHARED": "true",
        "RAPPORT_HEALTH_PORT": str(health),
        "RAPPORT_WORKSPACE": str(settings.workspace),
        "RAPPORT_LOG_LEVEL": "ERROR",
    }
    child = subprocess.Popen([sys.executable, "-m", "services.ingest"], env=environment)
    try:
        _wait_until_ready(health)
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait(START_S_MAX)


def _wait_until_ready(health: int) -> None:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://{HOST}:{health}/readyz", timeout=5)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise TimeoutError("ingest did not become ready")


def _sent(port: int, load: Load, requests: int) -> dict[str, float]:
    numbers = (port, load.events_per_request, load.connections, requests)
    command = [sys.executable, "-m", "tests.bench.ingest_load", HOST, *map(str, numbers)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _bare_events_per_s(settings: Settings, load: Load) -> float:
    """The same bytes decoded and produced, and nothing else: no HTTP, no validation."""
    _make_topic(settings)
    producer = clients.producer(settings)
    events = min(load.events_per_request * load.requests, 200_000)
    items = [raw for body in bodies(100) for raw in msgspec.json.decode(body)["batch"]]
    raws = [msgspec.json.encode(item) for item in items]
    decode = msgspec.json.Decoder().decode
    started = time.perf_counter()
    for number in range(events):
        raw = raws[number % len(raws)]
        producer.produce(BARE_TOPIC, raw, decode(raw)["userId"])
        if number % 1_000 == 0:
            producer.poll(0)
        while len(producer) > 100_000:
            producer.poll(0.01)
    producer.flush(60)
    return events / (time.perf_counter() - started)


def _make_topic(settings: Settings) -> None:
    admin = AdminClient(clients.kafka_config(settings))
    if BARE_TOPIC not in admin.list_topics(timeout=10).topics:
        topic = NewTopic(BARE_TOPIC, settings.partitions, settings.replication)
        for future in admin.create_topics([topic]).values():
            future.result()
