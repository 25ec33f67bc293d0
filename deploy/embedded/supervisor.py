"""Keeps the local engines running: notices one that crashed, says so, starts it again."""

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.embedded.engines import ADDRESSES_FILE, Abandoned, EngineFailedError, Engines, Say
from deploy.embedded.ports import PortTakenError
from deploy.embedded.process import EngineProcess, Mark, birth, write_mark

LOOK_AGAIN_AFTER_S = 0.5
BACKOFF_S_MAX = 30.0
STEADY_AFTER_S = 60.0  # one that ran so long has recovered: its next crash waits little again


Ready = Callable[[Engines], None]


class AlreadyUpError(RuntimeError):
    """Another supervisor holds this home."""


@dataclass(frozen=True, slots=True)
class Crashes:
    """What happened to one engine since the supervisor began."""

    restarts: int = 0
    last_crash: str = ""
    state: str = "running"
    wait_s: float = 1.0
    due: float = 0.0
    started: float = 0.0


def process(home: Path) -> EngineProcess:
    """The supervisor of a home, as others see it."""
    home = home.absolute()
    return EngineProcess("supervisor", home / "run" / "supervisor.json", log_path(home))


def log_path(home: Path) -> Path:
    return home.absolute() / "log" / "supervisor.log"


def crashes(home: Path) -> Mapping[str, Mapping[str, object]]:
    """What the running supervisor counted, by engine; empty when there is none."""
    try:
        found: Mapping[str, Mapping[str, object]] = json.loads(_crashes_path(home).read_text())
    except (OSError, ValueError):
        return {}
    return found


def is_held(home: Path) -> bool:
    """Whether a supervisor is at work in this home, ready or not."""
    try:
        with alone(home):
            return False
    except AlreadyUpError:
        return True


def is_ready(home: Path) -> bool:
    return (home / ADDRESSES_FILE).exists() and process(home).alive()


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the home. The system lets go of it however this process ends."""
    run = home.absolute() / "run"
    run.mkdir(parents=True, exist_ok=True)
    with (run / "supervisor.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUpError(f"engines of {home} are up already") from None
        yield


def supervise(home: Path, begin: Callable[[Abandoned], Engines], say: Say, ready: Ready) -> None:
    """Start the engines, then watch them until SIGTERM or SIGINT; then end them.

    Raises AlreadyUpError at once, and what `begin` raises unless it was asked to stop.
    """
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with alone(home):
        own_mark = home.absolute() / "run" / "supervisor.json"
        write_mark(own_mark, Mark(os.getpid(), birth(os.getpid()) or "", 0))
        (home / ADDRESSES_FILE).unlink(missing_ok=True)
        try:
            _watch(begin(asked_to_stop.is_set), asked_to_stop, say, ready)
        except EngineFailedError:
            if not asked_to_stop.is_set():
                raise
        finally:
            _crashes_path(home).unlink(missing_ok=True)
            own_mark.unlink(missing_ok=True)


def _watch(engines: Engines, asked_to_stop: threading.Event, say: Say, ready: Ready) -> None:
    began = time.monotonic()
    seen = {name: Crashes(started=began) for name in engines.processes}
    try:
        _write(engines.home, seen)
        ready(engines)
        while not asked_to_stop.wait(LOOK_AGAIN_AFTER_S):
            looked = {
                name: _looked_at(engines, name, past, say, asked_to_stop)
                for name, past in seen.items()
            }
            if looked != seen:
                _write(engines.home, looked)
            seen = looked
    finally:
        say("stopping")
        engines.stop()


def _looked_at(
    engines: Engines, name: str, past: Crashes, say: Say, asked_to_stop: threading.Event
) -> Crashes:
    now = time.monotonic()
    if engines.alive(name):
        return past
    if past.state == "running":
        wait_s = 1.0 if now - past.started > STEADY_AFTER_S else past.wait_s
        say(f"{name}: crashed; starting it again in {wait_s:.0f} s\n{_last_words(engines, name)}")
        when = datetime.now(UTC).isoformat(timespec="seconds")
        return replace(past, state="crashed", last_crash=when, due=now + wait_s, wait_s=wait_s)
    if now < past.due or asked_to_stop.is_set():
        return past
    return _restarted(engines, name, past, say)


def _restarted(engines: Engines, name: str, past: Crashes, say: Say) -> Crashes:
    wait_s = min(past.wait_s * 2, BACKOFF_S_MAX)
    tried = replace(past, restarts=past.restarts + 1, wait_s=wait_s)
    try:
        engines.start(name)
    except (EngineFailedError, PortTakenError, OSError, RuntimeError) as problem:
        say(f"{name}: {problem}\n{name}: trying again in {wait_s:.0f} s")
        return replace(tried, due=time.monotonic() + wait_s)
    return replace(tried, state="running", started=time.monotonic())


def _last_words(engines: Engines, name: str) -> str:
    found = engines.processes[name]
    return f"  the end of {found.log_path}:\n{found.last_words(5)}"


def _crashes_path(home: Path) -> Path:
    return home.absolute() / "run" / "crashes.json"


def _write(home: Path, seen: Mapping[str, Crashes]) -> None:
    path = _crashes_path(home)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({name: asdict(past) for name, past in seen.items()}))
    draft.replace(path)
