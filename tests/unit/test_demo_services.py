"""The local supervisor of the services: crashes are mended, and `stop` leaves nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.engines import Engines
from deploy.embedded.process import birth
from services.cli import services as supervisor
from services.cli.services import ServiceFailedError, Services, start_services
from services.common.settings import Settings

ANSWERS = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

HTTPServer(("127.0.0.1", int(os.environ["RAPPORT_HEALTH_PORT"])), Ready).serve_forever()
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Services]]:
    """Services that were started by the test; ended after it."""
    (tmp_path / "answers_ready.py").write_text(ANSWERS)
    (tmp_path / "ends_at_once.py").write_text("raise SystemExit('no such engine')")
    made: list[Services] = []
    monkeypatch.setattr(supervisor, "BACKOFF_S_MIN", 0.05)
    yield made
    for services in made:
        services.stop()


def start(home: Path, modules: dict[str, tuple[str, ...]], made: list[Services]) -> Services:
    supervisor.SERVICES.clear()
    supervisor.SERVICES.update(modules)
    engines = Engines("k:1", "redis://r:1", "http://c:1", home, {})
    services = start_services(home, engines, Settings(), environment={"PYTHONPATH": str(home)})
    made.append(services)
    return services


@pytest.fixture(autouse=True)
def _services_as_they_were() -> Iterator[None]:
    before = dict(supervisor.SERVICES)
    yield
    supervisor.SERVICES.clear()
    supervisor.SERVICES.update(before)


def test_a_killed_service_comes_back_under_another_pid(
    tmp_path: Path, started: list[Services]
) -> None:
    services = start(tmp_path, {"ingest": ("answers_ready",)}, started)
    services.wait_until_ready(seconds_max=30)
    first = services.pids["ingest"]
    services.kill("ingest")
    while services.restarts["ingest"] < 1:
        time.sleep(0.02)
    services.wait_until_ready(seconds_max=30)
    assert services.pids["ingest"] != first


def test_stopping_leaves_no_process_and_no_address(tmp_path: Path, started: list[Services]) -> None:
    services = start(tmp_path, {"ingest": ("answers_ready",), "x": ("answers_ready",)}, started)
    services.wait_until_ready(seconds_max=30)
    pids = list(services.pids.values())
    services.stop()
    assert len(pids) == 2
    assert not any(birth(pid) for pid in pids)
    assert not (tmp_path / supervisor.ADDRESSES_FILE).exists()


def test_a_second_start_in_the_same_home_adopts_what_runs(
    tmp_path: Path, started: list[Services]
) -> None:
    first = start(tmp_path, {"ingest": ("answers_ready",)}, started)
    first.wait_until_ready(seconds_max=30)
    second = start(tmp_path, {"ingest": ("answers_ready",)}, started)
    assert (second.pids, second.http) == (first.pids, first.http)


def test_a_service_that_cannot_start_is_an_error_with_its_last_words(
    tmp_path: Path, started: list[Services]
) -> None:
    services = start(tmp_path, {"ingest": ("ends_at_once",)}, started)
    with pytest.raises(ServiceFailedError, match="no such engine"):
        services.wait_until_ready(seconds_max=30)
