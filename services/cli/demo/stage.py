"""What the demo stands on: engines, services and a webhook receiver, in a fresh home of its own."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from deploy.embedded.engines import Engines, start_engines
from deploy.embedded.ports import HOST, free_port
from deploy.embedded.process import EngineProcess
from services.cli.demo.phases import Phases
from services.cli.demo.workspace import example_workspace
from services.cli.services import PROJECT, Services, services_left_in, start_services
from services.common.clients import ensure_topics
from services.common.settings import Settings

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DAY: Final = timedelta(days=1)


class AlreadyRunsError(RuntimeError):
    """Another demo uses this home."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs, and the settings that lead to it."""

    settings: Settings
    engines: Engines
    services: Services
    receiver: EngineProcess

    @property
    def webhooks(self) -> str:
        """Where the receiver listens; GET /counts and /received tell what came."""
        return f"http://{HOST}:{self.receiver.port}"

    def pids(self) -> dict[str, int]:
        """Every process of the demo, itself included."""
        receiver = {"receiver": pid} if (pid := self.receiver.pid) else {}
        return {**self.engines.pids, **self.services.pids, **receiver, "demo": os.getpid()}

    def received(self) -> list[dict[str, Any]]:
        """Every webhook that came: id, type, verified, status."""
        answer = httpx.get(f"{self.webhooks}/received", timeout=30, trust_env=False)
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found


@contextmanager
def staged(home: Path, phases: Phases, told_from: datetime) -> Iterator[Stage]:
    """Start everything in a home that is emptied first; end everything, whatever happens.

    What became true before `told_from` is too old to be sent.

    AlreadyRunsError when another demo is at work there.
    """
    stack = ExitStack()
    try:
        with phases.phase("start", "Kafka, Redis, ClickHouse and eight services are up"):
            stage = _started(stack, home.absolute(), phases, told_from)
        yield stage
    finally:
        with _undisturbed():
            stack.close()


def _started(stack: ExitStack, home: Path, phases: Phases, told_from: datetime) -> Stage:
    """The stage; what ends each part is on the stack as soon as the part runs."""
    stack.enter_context(_alone(home))
    _clean(home)
    engines = start_engines(home)
    stack.callback(engines.stop)
    # from a fixed hour on, not from as long ago as the example says: all runs of a day tell alike
    workspace = example_workspace(home, (datetime.now(UTC) - told_from) / DAY)
    settings = _settings(home, engines, workspace)
    ensure_topics(settings)
    secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    receiver = _receiver(home, secret)
    stack.callback(receiver.stop)
    services = start_services(
        home,
        engines,
        settings,
        environment={
            "RAPPORT_DEMO_WEBHOOK_URL": f"http://{HOST}:{receiver.port}/",
            "RAPPORT_DEMO_WEBHOOK_SECRET": secret,
            "RAPPORT_WEBHOOK_ALLOW_PRIVATE": "true",
        },
        say=phases.note,
    )
    stack.callback(services.stop)
    services.wait_until_ready()
    return Stage(settings, engines, services, receiver)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the home; the system lets go of it however this process ends."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunsError(f"another demo is running in {home}") from None
        yield


def _clean(home: Path) -> None:
    """End what a demo that was killed has left behind, and begin with nothing."""
    for process in (*services_left_in(home), _receiver_process(home)):
        process.stop()
    Engines.left_in(home).stop()
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C while things are being ended is not heard: it would leave some behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _settings(home: Path, engines: Engines, workspace: Path) -> Settings:
    """The demo's own engines, whatever the environment names."""
    return Settings(
        kafka=engines.kafka,
        redis=engines.redis,
        clickhouse=engines.clickhouse,
        home=home,
        workspace=workspace,
    )


def _receiver_process(home: Path) -> EngineProcess:
    return EngineProcess("receiver", home / "run" / "receiver.json", home / "log" / "receiver.log")


def _receiver(home: Path, secret: str) -> EngineProcess:
    process, port = _receiver_process(home), free_port()
    command = [sys.executable, "-m", "services.cli.receiver", "--port", str(port)]
    environment = {"RAPPORT_DEMO_WEBHOOK_SECRET": secret, "PYTHONPATH": str(PROJECT)}
    process.start(command, port, environment)
    return process
