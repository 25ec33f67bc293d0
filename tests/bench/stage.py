"""Engines for a bench, and what every row needs: topics, processes, CPU seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.embedded.engines import Engines, start_engines
from deploy.embedded.ports import HOST, free_port
from services.common import clients
from services.common.settings import Settings

PROJECT = Path(__file__).parents[2]
WAIT_S_MAX = 300


@contextmanager
def staged(home: Path) -> Iterator[Settings]:
    """Fresh engines with all topics; the settings that lead to them."""
    shutil.rmtree(home, ignore_errors=True)
    engines: Engines = start_engines(home)
    try:
        settings = Settings(
            kafka=engines.kafka,
            redis=engines.redis,
            clickhouse=engines.clickhouse,
            home=home,
            workspace=PROJECT / "deploy" / "workspace",
        )
        clients.ensure_topics(settings)
        yield settings
    finally:
        engines.stop()


def environment(settings: Settings) -> dict[str, str]:
    """What a service of ours is told."""
    return os.environ | {
        "RAPPORT_KAFKA": settings.kafka,
        "RAPPORT_REDIS": settings.redis,
        "RAPPORT_CLICKHOUSE": settings.clickhouse,
        "RAPPORT_HOME": str(settings.home),
        "RAPPORT_WORKSPACE": str(settings.workspace),
        "PYTHONPATH": str(PROJECT),
        "RAPPORT_LOG_LEVEL": "ERROR",
    }


class Service:
    """One service's process with its metrics."""

    def __init__(self, settings: Settings, *module: str) -> None:
        self._port = free_port()
        env = environment(settings) | {"RAPPORT_HEALTH_PORT": str(self._port)}
        self._process = subprocess.Popen([sys.executable, "-m", *module], env=env)
        self._ps = psutil.Process(self._process.pid)

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 while the service starts."""
        try:
            text = httpx.get(f"http://{HOST}:{self._port}/metrics", trust_env=False).text
        except httpx.HTTPError:
            return 0.0
        lines = (line for line in text.splitlines() if line.startswith((name + " ", name + "{")))
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def cpu_s(self) -> float:
        times = self._ps.cpu_times()
        return times.user + times.system

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


@contextmanager
def service(settings: Settings, *module: str) -> Iterator[Service]:
    """A service that is ended afterwards."""
    running = Service(settings, *module)
    try:
        yield running
    finally:
        running.stop()


def make_topic(settings: Settings, name: str) -> None:
    """A topic of the usual number of partitions; fine if it is there."""
    admin = AdminClient({"bootstrap.servers": settings.kafka, "log_level": 2})
    if name not in admin.list_topics(timeout=10).topics:
        for future in admin.create_topics([NewTopic(name, settings.partitions, 1)]).values():
            future.result()


def fill(settings: Settings, topic: str, records: Sequence[tuple[bytes, bytes]]) -> None:
    """(key, value) records into a topic, acknowledged."""
    producer = clients.producer(settings)
    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.2)
    assert producer.flush(120) == 0


def until(reached: Callable[[], bool], every_s: float = 0.05) -> float:
    """The time at which it came true."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not reached():
        assert time.monotonic() < deadline, "the bench waits for ever"
        time.sleep(every_s)
    return time.monotonic()


Row = Mapping[str, object]


def row(
    name: str,
    events: int,
    seconds: float,
    cpu_s: float,
    bare_events_per_s: float,
    p99_ms: float | None = None,
    **more: object,
) -> dict[str, object]:
    """One line of build/bench.json."""
    return {
        "name": name,
        "events_per_s": round(events / seconds),
        "cpu_us_per_event": round(cpu_s / events * 1e6, 1),
        "bare_events_per_s": round(bare_events_per_s),
        "p99_ms": None if p99_ms is None else round(p99_ms, 1),
        **more,
    }
