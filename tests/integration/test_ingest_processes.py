"""Several ingest processes on one port of the machine."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx

from deploy.embedded.engines import Engines
from deploy.embedded.ports import free_port
from tests.integration.test_ingest import PATIENCE_S, Ingest, found, is_ready, named, new_ingest
from tests.waiting import until


@contextmanager
def sharing(one: Ingest, folder: Path, name: str) -> Iterator[tuple[Ingest, str]]:
    """Another process on the port of the first, and where its own health is told."""
    folder.mkdir()
    health = free_port()
    mine = {"RAPPORT_HEALTH_PORT": str(health), "RAPPORT_INSTANCE": name}
    shared = {"RAPPORT_HTTP_PORT_SHARED": "true"}
    another = Ingest(one.kafka, one.url, one.environment | shared | mine, folder / "ingest.log")
    another.start()
    try:
        yield another, f"http://127.0.0.1:{health}"
    finally:
        another.process.send_signal(signal.SIGTERM)
        another.process.wait(PATIENCE_S)


def accepted(health: str) -> float:
    """Events that this process has accepted."""
    lines = httpx.get(f"{health}/metrics", timeout=5).text.splitlines()
    name = "rapport_ingest_accepted_events_total"
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_they_share_the_connections_and_one_goes_on_when_the_other_is_killed(
    engines: Engines, tmp_path: Path, prefix: str
) -> None:
    like = new_ingest(engines.kafka, tmp_path)
    with ExitStack() as stack:
        both = [stack.enter_context(sharing(like, tmp_path / name, name)) for name in ("a", "b")]
        for _, health in both:
            until(partial(is_ready, health), "both to be ready")
        sent = 0

        def send() -> None:
            nonlocal sent  # each over a connection of its own
            answer = like.send("track", {"event": prefix, "userId": f"u{sent}"})
            assert answer.status_code == 200, answer.text
            sent += 1

        while not all(accepted(health) for _, health in both):
            assert sent < 500, "one process gets no connection"
            send()
        first, _ = both[0]
        first.process.kill()
        first.process.wait(PATIENCE_S)
        for _ in range(20):
            send()
        assert len(found(engines.kafka, "touchpoints.accepted", named(prefix), sent)) == sent
