"""The eight services as local processes: started, watched, started again after a crash, ended."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from deploy.embedded.engines import Engines
from deploy.embedded.ports import HOST, free_port, is_free
from deploy.embedded.process import ANALYTICS_NICE, EngineProcess
from services.common.settings import Settings

PROJECT: Final = Path(__file__).resolve().parents[2]
#: Name of each service -> the module and its arguments.
SERVICES: Final[dict[str, tuple[str, ...]]] = {
    "ingest": ("services.ingest",),
    "profile": ("services.profile",),
    "profiles": ("services.profile", "api"),
    "accounts": ("services.profile", "accounts"),
    "score": ("services.scoring", "score"),
    "columns": ("services.scoring", "columns"),
    "decide": ("services.journey", "decide"),
    "deliver": ("services.journey", "deliver"),
}
ADDRESSES_FILE: Final = "services.json"
LOOK_AGAIN_AFTER_S = 0.2
BACKOFF_S_MIN, BACKOFF_S_MAX = 0.5, 30.0
STEADY_AFTER_S = 60.0
READY_S_MAX = 90.0

Say = Callable[[str], None]


class ServiceFailedError(RuntimeError):
    """A service did not become ready; the message ends with its own last words."""


@dataclass(slots=True)
class Watched:
    """One service's process and what became of it."""

    process: EngineProcess
    health_port: int
    restarts: int = 0
    wait_s: float = field(default_factory=lambda: BACKOFF_S_MIN)
    started: float = 0.0
    due: float | None = None


@dataclass(slots=True)
class Services:
    """The running services of a home. `stop` ends all; a crashed one comes back by itself."""

    home: Path
    http: str
    profiles: str
    watched: dict[str, Watched]
    environment: Mapping[str, str]
    say: Say
    _stopping: threading.Event = field(default_factory=threading.Event)
    _watcher: threading.Thread | None = None

    @property
    def pids(self) -> dict[str, int]:
        """The pid of each service that runs."""
        found = {name: one.process.pid for name, one in self.watched.items()}
        return {name: pid for name, pid in found.items() if pid is not None}

    @property
    def restarts(self) -> dict[str, int]:
        """How often each service was started again."""
        return {name: one.restarts for name, one in self.watched.items()}

    def health(self, name: str) -> str:
        """Where /healthz, /readyz and /metrics of a service are."""
        return f"http://{HOST}:{self.watched[name].health_port}"

    def kill(self, name: str) -> None:
        """As a crash would: SIGKILL. The watcher starts it again."""
        self.watched[name].process.kill()

    def start(self) -> None:
        """Start what does not run, and watch."""
        for name in self.watched:
            if not self.watched[name].process.alive():
                self._launch(name)
        self._watcher = threading.Thread(target=self._watch, name="services", daemon=True)
        self._watcher.start()

    def wait_until_ready(self, *, seconds_max: float = READY_S_MAX) -> None:
        """Until every /readyz says 200. ServiceFailedError when one does not get there."""
        deadline = time.monotonic() + seconds_max
        for name, one in self.watched.items():
            while not self._is_ready(name):
                if time.monotonic() > deadline or one.restarts > 3:
                    raise ServiceFailedError(self._why_not_ready(name))
                time.sleep(0.1)

    def stop(self) -> None:
        """End all of them in good order, at the same time, and nothing starts again."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
        with ThreadPoolExecutor(len(self.watched)) as hands:
            list(hands.map(lambda one: one.process.stop(), self.watched.values()))
        (self.home / ADDRESSES_FILE).unlink(missing_ok=True)

    def _launch(self, name: str) -> None:
        one = self.watched[name]
        one.health_port = _free_port_near(one.health_port)
        own = {"RAPPORT_HEALTH_PORT": str(one.health_port), "RAPPORT_INSTANCE": name}
        environment = {**self.environment, **own}
        command = [sys.executable, "-m", *SERVICES[name]]
        nice = ANALYTICS_NICE if name == "columns" else 0
        one.process.start(command, one.health_port, environment, nice=nice)
        one.started, one.due = time.monotonic(), None

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_AGAIN_AFTER_S):
            for name, one in self.watched.items():
                if not one.process.alive() and not self._stopping.is_set():
                    self._look_after(name, one)

    def _look_after(self, name: str, one: Watched) -> None:
        """A crash is seen, waits its time, and is then mended; crashes in a row wait longer."""
        now = time.monotonic()
        if one.due is None:
            if now - one.started > STEADY_AFTER_S:
                one.wait_s = BACKOFF_S_MIN
            one.due = now + one.wait_s
            one.wait_s = min(one.wait_s * 2, BACKOFF_S_MAX)
            self.say(f"{name}: ended; starting it again in {one.due - now:.1f} s")
        elif now >= one.due:
            one.restarts += 1
            self._launch(name)

    def _is_ready(self, name: str) -> bool:
        if not self.watched[name].process.alive():
            return False
        try:
            return httpx.get(f"{self.health(name)}/readyz", timeout=3, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _why_not_ready(self, name: str) -> str:
        process = self.watched[name].process
        words = process.last_words(8)
        return f"{name} is not ready; the end of {process.log_path}:\n{words}"


def start_services(
    home: Path,
    engines: Engines,
    settings: Settings,
    *,
    environment: Mapping[str, str] | None = None,
    say: Say = lambda _: None,
) -> Services:
    """Start the eight services on free ports against these engines, and watch them.

    `environment` is added to each one's. They are not ready yet: see `wait_until_ready`.
    """
    home = home.absolute()
    watched = {name: _adopted(_process(home, name)) for name in SERVICES}
    http_port = _port_in_use(home, watched, "ingest", "http") or _free_port_near(settings.http_port)
    api_port = _port_in_use(home, watched, "profiles", "profiles")
    api_port = api_port or _free_port_near(settings.profile_api_port)
    services = Services(
        home=home,
        http=f"http://{HOST}:{http_port}",
        profiles=f"http://{HOST}:{api_port}",
        watched=watched,
        environment=_environment(home, engines, settings)
        | {"RAPPORT_HTTP_PORT": str(http_port), "RAPPORT_PROFILE_API_PORT": str(api_port)}
        | dict(environment or {}),
        say=say,
    )
    addresses = {"http": services.http, "profiles": services.profiles}
    (home / ADDRESSES_FILE).write_text(json.dumps(addresses))
    services.start()
    return services


def services_left_in(home: Path) -> list[EngineProcess]:
    """What an earlier run may have left running in this home."""
    return [_process(home.absolute(), name) for name in SERVICES]


def _process(home: Path, name: str) -> EngineProcess:
    return EngineProcess(name, home / "run" / f"{name}.json", home / "log" / f"{name}.log")


def _adopted(process: EngineProcess) -> Watched:
    """What runs already keeps its port; what does not gets the port of last time, or any."""
    port = process.port or 0
    return Watched(process, port if process.alive() else _free_port_near(port))


def _port_in_use(home: Path, watched: Mapping[str, Watched], name: str, what: str) -> int:
    """The port on which a service that runs already listens; 0: it does not run."""
    if name not in watched or not watched[name].process.alive():
        return 0
    try:
        return urlsplit(json.loads((home / ADDRESSES_FILE).read_text())[what]).port or 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _free_port_near(wanted: int) -> int:
    """The wanted port if it is free, else any."""
    return wanted if wanted and is_free(wanted) else free_port()


def _environment(home: Path, engines: Engines, settings: Settings) -> dict[str, str]:
    """What every service is told. Modules are found in the project, wherever we were started."""
    paths = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
    return {
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "RAPPORT_HOME": str(home),
        "RAPPORT_KAFKA": engines.kafka,
        "RAPPORT_REDIS": engines.redis,
        "RAPPORT_CLICKHOUSE": engines.clickhouse,
        "RAPPORT_HTTP_HOST": HOST,
        "RAPPORT_HEALTH_HOST": HOST,
        "RAPPORT_WORKSPACE": str(settings.workspace.absolute()),
        "RAPPORT_PARTITIONS": str(settings.partitions),
        # else glibc keeps a heap of freed memory for each of a client's threads
        "MALLOC_ARENA_MAX": "2",
    }
