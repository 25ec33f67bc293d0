"""Row `pipeline`: all services and engines on this machine, from HTTP to the published stage."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx
import psutil
from confluent_kafka import Consumer, TopicPartition

from deploy.embedded.engines import Engines
from schemas import topics
from services.cli.services import Services, start_services
from services.common.settings import Settings
from services.profile.domain.ids import Hashes, uuid_text
from tests.bench.bare import bare_loop, resolved_bare
from tests.bench.stage import row

SECONDS, WARM_UP_S = 60, 15
BATCH, SENDERS = 100, 4
EVENTS_PER_S = 3_100
PROBE_EVERY = 100
CUSTOMERS = 20_000
LATE_S_MAX = 120


@dataclass
class Seen:
    """Acknowledged events, probes (profile id -> time of its answer), memory."""

    acknowledged: int = 0
    probes: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    rss_bytes: list[int] = field(default_factory=list)


def bench_pipeline(settings: Settings) -> dict[str, object]:
    """Sustained load; p99 from the answer to the published stage of new customers."""
    engines = Engines(
        settings.kafka, settings.redis, settings.clickhouse, settings.home.absolute(), {}
    )
    services = start_services(settings.home, engines, settings)
    seen = Seen()
    try:
        services.wait_until_ready()
        with _stages(settings) as written:
            cpu, seconds = _load(services, seen)
            done = seen.acknowledged
            _wait_for(lambda: seen.probes.keys() <= written.keys())
        both = seen.probes.keys() & written.keys()
        arrived = sorted(max(0.0, written[one] - seen.probes[one]) for one in both)
    finally:
        services.stop()
    bare, _ = bare_loop(settings, topics.ACCEPTED.name, done, resolved_bare)
    assert len(arrived) > 0.99 * len(seen.probes), f"{len(arrived)} of {len(seen.probes)} probes"
    p99_ms = arrived[int(len(arrived) * 0.99)] * 1e3
    half = len(seen.rss_bytes) // 2
    growth = seen.rss_bytes[-1] / seen.rss_bytes[half] - 1
    return row(
        "pipeline",
        done,
        seconds,
        cpu,
        bare,
        p99_ms,
        p50_ms=round(arrived[len(arrived) // 2] * 1e3, 1),
        memory_growth_second_half=round(growth, 3),
    )


def _load(services: Services, seen: Seen) -> tuple[float, float]:
    """Send at the pace for SECONDS after a warm-up; (CPU s of the services, seconds)."""
    numbers = count()
    processes = [psutil.Process(pid) for pid in services.pids.values()]
    ends_at = time.monotonic() + WARM_UP_S + SECONDS
    with ThreadPoolExecutor(SENDERS) as senders:
        running = [
            senders.submit(_send, services.http, numbers, seen, ends_at) for _ in range(SENDERS)
        ]
        time.sleep(WARM_UP_S)
        with seen.lock:
            seen.acknowledged = 0
            seen.probes.clear()
        began, cpu = time.monotonic(), _cpu_s(processes)
        while time.monotonic() < ends_at:
            seen.rss_bytes.append(sum(process.memory_info().rss for process in processes))
            time.sleep(2)
        for one in running:
            one.result()
    return _cpu_s(processes) - cpu, time.monotonic() - began


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(p.cpu_times().user + p.cpu_times().system for p in processes)


def _send(http: str, numbers: Iterator[int], seen: Seen, ends_at: float) -> None:
    hashes = Hashes("")
    pause_s = BATCH * SENDERS / EVENTS_PER_S
    run = f"{time.time_ns():x}"
    with httpx.Client(base_url=http, auth=("demo-write-key", ""), trust_env=False) as client:
        due = time.monotonic()
        while time.monotonic() < ends_at:
            block = next(numbers)
            body, probes = _batch(run, block)
            client.post("/v1/batch", content=body, timeout=30).raise_for_status()
            now = time.time()
            with seen.lock:
                seen.acknowledged += BATCH
                for user in probes:
                    seen.probes[uuid_text(hashes.node("demo", "user_id", user))] = now
            due += pause_s
            time.sleep(max(0.0, due - time.monotonic()))


def _batch(run: str, block: int) -> tuple[bytes, list[str]]:
    """A hundred calls; the first is the first order of a new customer, whose stage is awaited."""
    calls, probes = [], []
    for place in range(BATCH):
        number = block * BATCH + place
        probe = number % PROBE_EVERY == 0
        user = f"probe-{run}-{number}" if probe else f"user-{number % CUSTOMERS}"
        call: dict[str, object] = {"messageId": f"{run}-{number}", "userId": user}
        if probe or number % 10 == 0:
            order = {"order_id": f"{run}-{number}", "total": 29.33, "currency": "USD"}
            call |= {"type": "track", "event": "Order Completed", "properties": order}
        else:
            call |= {"type": "page", "properties": {"url": "https://shop.example/cds?page=2"}}
        if probe:
            probes.append(user)
        calls.append(call)
    return json.dumps({"batch": calls}).encode(), probes


@contextmanager
def _stages(settings: Settings) -> Iterator[dict[str, float]]:
    """Profile id -> time of its first record on lifecycle.changed, as they come."""
    written: dict[str, float] = {}
    stop = threading.Event()

    def follow() -> None:
        consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": "bench"})
        consumer.assign(
            [TopicPartition(topics.LIFECYCLE.name, p, 0) for p in range(settings.partitions)]
        )
        while not stop.is_set():
            for message in consumer.consume(500, 0.2):
                if message.error() is None:
                    key = (message.key() or b"").decode()
                    written.setdefault(key, message.timestamp()[1] / 1e3)
        consumer.close()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield written
    finally:
        stop.set()
        thread.join()


def _wait_for(arrived: Callable[[], bool]) -> None:
    """Late probes count with the time they took; lost ones fail the bench."""
    deadline = time.monotonic() + LATE_S_MAX
    while not arrived() and time.monotonic() < deadline:
        time.sleep(0.2)
