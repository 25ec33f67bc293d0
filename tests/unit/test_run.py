"""Failpoints kill only where they are armed; a stuck process ends itself; health says why not."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from services.common import run as run_module
from services.common.clients import EngineMissing
from services.common.health import HealthServer
from services.common.run import (
    COLLECTED_EVERY_S,
    QUIET_COLLECTED_EVERY_S,
    STUCK_STATUS,
    WALKED_EVERY_S,
    BetweenBatches,
)
from services.common.settings import Settings

ROOT = Path(__file__).parents[2]
PASS_THREE_TIMES = """
from services.common.failpoints import hit
for number in (1, 2, 3):
    print(number, flush=True)
    hit("after_commit")
"""


def run(code: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    armed = {"RAPPORT_FAILPOINT": failpoint} if failpoint else {}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT)} | armed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("failpoint", "passed", "status"),
    [
        ("", 3, 0),
        ("before_produce", 3, 0),
        ("after_commit", 1, -signal.SIGKILL),
        ("after_commit:2", 2, -signal.SIGKILL),
    ],
)
def test_an_armed_failpoint_kills_at_the_nth_pass(failpoint: str, passed: int, status: int) -> None:
    ended = run(PASS_THREE_TIMES, failpoint)
    assert (len(ended.stdout.split()), ended.returncode) == (passed, status)


def test_a_process_without_progress_ends_itself() -> None:
    code = "import time; from services.common.run import Watchdog; Watchdog(0.4).start(); "
    assert run(code + "time.sleep(30)").returncode == STUCK_STATUS


def test_a_process_with_progress_is_left_alone() -> None:
    code = (
        "import time; from services.common.run import Watchdog; w = Watchdog(0.8).start()\n"
        "for _ in range(15): time.sleep(0.1); w.alive()"
    )
    assert run(code).returncode == 0


@pytest.fixture
def faults() -> dict[str, str]:
    return {}


@pytest.fixture
def health(faults: dict[str, str]) -> Iterator[str]:
    server = HealthServer(Settings(), {"Redis": lambda: faults.get("Redis")}).start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


def test_readyz_names_the_engine_and_the_setting(health: str, faults: dict[str, str]) -> None:
    faults["Redis"] = str(EngineMissing("Redis", "redis://x:1/0", "refused"))
    answer = httpx.get(f"{health}/readyz", trust_env=False)
    assert answer.status_code == 503
    assert "RAPPORT_REDIS" in answer.json()["faults"]["Redis"]


def test_healthz_is_about_the_process_only(health: str, faults: dict[str, str]) -> None:
    faults["Redis"] = "away"
    assert httpx.get(f"{health}/healthz", trust_env=False).status_code == 200
    assert "python_info" in httpx.get(f"{health}/metrics", trust_env=False).text


class Collector:
    """Stands for the module gc: what was called, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: self.calls.append(name)


def test_garbage_is_collected_in_quiet_moments_and_what_lives_is_walked_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collector, now = Collector(), [0.0]
    monkeypatch.setattr(run_module, "gc", collector)
    between = BetweenBatches(lambda: now[0])

    def after(seconds: float, *, quiet: bool) -> list[str]:
        collector.calls.clear()
        now[0] += seconds
        between.batch_done(quiet=quiet)
        return collector.calls.copy()

    assert collector.calls[-1] == "disable"
    assert after(QUIET_COLLECTED_EVERY_S / 2, quiet=True) == []
    assert after(QUIET_COLLECTED_EVERY_S, quiet=False) == []
    assert after(0, quiet=True) == ["collect", "freeze"]
    assert after(COLLECTED_EVERY_S / 2, quiet=False) == []
    assert after(COLLECTED_EVERY_S / 2, quiet=False) == ["collect", "freeze"]
    assert after(WALKED_EVERY_S, quiet=False) == ["collect", "freeze"]
    assert after(QUIET_COLLECTED_EVERY_S, quiet=True) == ["unfreeze", "collect", "freeze"]
