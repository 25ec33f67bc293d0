"""`rapport up`, `down` and `status`: the engines of this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.embedded import clickhouse, supervisor
from deploy.embedded.engines import (
    NAMES,
    Abandoned,
    EngineFailedError,
    Engines,
    start_engines,
)
from deploy.embedded.ports import PortTakenError
from services.common import clients
from services.common.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object")]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return when all is ready")]
PROJECT = Path(__file__).resolve().parents[2]
READY_SECONDS_MAX = 300.0
TITLES = {"kafka": "Kafka", "redis": "Redis", "clickhouse": "ClickHouse"}


def up(detach: Detach = False, as_json: AsJson = False) -> None:
    """Start Kafka, Redis and ClickHouse, those for which no address is set, and keep them up."""
    settings = Settings()
    notes = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        if _is_up_already(settings.home):
            notes.print("up already")
            _print_status(settings, as_json)
        elif detach:
            _up_in_background(settings, notes)
            _print_status(settings, as_json)
        else:
            _up_here(settings, notes, as_json)
    except (EngineFailedError, PortTakenError, RuntimeError) as problem:
        notes.print(f"[red]{type(problem).__name__}[/red]", end=": ")
        notes.print(str(problem), markup=False)
        raise typer.Exit(1) from None


def down(as_json: AsJson = False) -> None:
    """Stop the engines that `up` started, and whatever a killed `up` left behind."""
    settings = Settings()
    watcher = supervisor.process(settings.home)
    left = Engines.left_in(settings.home)
    stopped = dict(left.pids)
    if watcher.alive():
        watcher.stop(grace_s=40)
    left.stop()
    if as_json:
        typer.echo(json.dumps({"stopped": stopped}))
    else:
        typer.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


def status(as_json: AsJson = False) -> None:
    """Say where each engine is and whether it answers; exit status 3 when one does not."""
    settings = Settings()
    if not _print_status(settings, as_json):
        raise typer.Exit(3)


def begin(settings: Settings, say: Callable[[str], None], abandoned: Abandoned) -> Engines:
    """Start or adopt what the settings leave to us; end what an earlier run left and is named."""
    named = {name: getattr(settings, name) or None for name in NAMES}
    left = Engines.left_in(settings.home)
    for name, address in named.items():
        if address and left.alive(name):
            say(f"{name}: {clients.printable(address)} is used, the embedded one is stopped")
            left.processes[name].stop()
    if settings.analyst_password:
        home = settings.home / "clickhouse"
        clickhouse.keep_analyst_password(home, settings.analyst_password)
    ports = {name: getattr(settings, f"{name}_port") for name in NAMES}
    return start_engines(
        settings.home,
        **named,
        fixed_ports={name: port for name, port in ports.items() if port},
        say=say,
        abandoned=abandoned,
    )


def _up_here(settings: Settings, notes: Console, as_json: bool) -> None:
    def say(line: str) -> None:
        notes.print(line, markup=False)

    def ready(_: Engines) -> None:
        _print_status(settings, as_json)
        notes.print("Ctrl-C stops them")

    supervisor.supervise(
        settings.home, lambda abandoned: begin(settings, say, abandoned), say, ready
    )


def _up_in_background(settings: Settings, notes: Console) -> None:
    """Start `rapport up` in a session of its own and show what it says until it is ready."""
    log_path = supervisor.log_path(settings.home)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    log_path.unlink(missing_ok=True)
    with log_path.open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "up"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": _with_project(os.environ.get("PYTHONPATH", ""))},
        )
    said = 0
    try:
        while not supervisor.is_ready(settings.home) and child.poll() is None:
            said += _show_from(log_path, said, notes)
            time.sleep(0.1)
    except KeyboardInterrupt:
        child.send_signal(signal.SIGTERM)
        child.wait()
        raise
    _show_from(log_path, said, notes)
    if child.returncode is not None:
        raise typer.Exit(child.returncode or 1)
    child.returncode = 0  # it stays; Popen would warn of a child that it still sees running


def _with_project(paths: str) -> str:
    return os.pathsep.join(part for part in (str(PROJECT), paths) if part)


def _show_from(log_path: Path, position: int, notes: Console) -> int:
    """Print what was added to the log; how many bytes it was."""
    with log_path.open("rb") as log:
        log.seek(position)
        whole_lines = log.read().rpartition(b"\n")[0]
    if not whole_lines:
        return 0
    for line in whole_lines.decode(errors="replace").splitlines():
        if line.partition(":")[0] in NAMES or "Error" in line:
            notes.print(line, markup=False)
    return len(whole_lines) + 1


def _is_up_already(home: Path) -> bool:
    """Whether another `up` holds the home and is ready; one that still begins is waited for."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while supervisor.is_held(home):
        if supervisor.is_ready(home):
            return True
        if time.monotonic() > deadline:
            raise EngineFailedError(f"the other `up` is not ready; see {supervisor.log_path(home)}")
        time.sleep(0.1)
    return False


def state(settings: Settings) -> dict[str, object]:
    """What `status --json` prints."""
    left = Engines.left_in(settings.home)
    watcher = supervisor.process(settings.home)
    counted = supervisor.crashes(settings.home)
    found = {name: _engine(settings, name, left) | _crashes(counted, name) for name in NAMES}
    return {
        "ready": all(engine["answers"] for engine in found.values()),
        "home": str(settings.home.absolute()),
        "supervisor": {"pid": watcher.pid, "log": str(watcher.log_path)},
        "engines": found,
        "analyst": {
            "user": "analyst",
            "password_file": str(clickhouse.analyst_password_file(left.home / "clickhouse")),
        },
    }


def _engine(settings: Settings, name: str, left: Engines) -> dict[str, object]:
    embedded = not getattr(settings, name)
    pid = left.pids.get(name) if embedded else None
    fault = clients.missing(settings, TITLES[name])
    try:
        address = clients.printable(clients.address(settings, TITLES[name]))
    except clients.EngineMissing:
        address = ""
    return {
        "address": address,
        "answers": fault is None,
        "fault": fault,
        "embedded": embedded,
        "pid": pid,
        "memory_mb": _memory_mb(pid),
        "log": str(left.processes[name].log_path) if embedded else None,
    }


def _memory_mb(pid: int | None) -> int | None:
    try:
        return psutil.Process(pid).memory_info().rss >> 20 if pid else None
    except psutil.Error:
        return None


def _crashes(counted: object, name: str) -> dict[str, object]:
    past = counted.get(name, {}) if isinstance(counted, dict) else {}
    return {key: past.get(key) for key in ("state", "restarts", "last_crash")}


def _print_status(settings: Settings, as_json: bool) -> bool:
    """Print it; whether every engine answers."""
    seen = state(settings)
    if as_json:
        typer.echo(json.dumps(seen))
    else:
        Console(soft_wrap=True).print(_table(seen))
    return bool(seen["ready"])


def _table(seen: dict[str, object]) -> Table:
    table = Table("engine", "address", "answers", "pid", "MB", "restarts", box=None)
    engines = seen["engines"]
    assert isinstance(engines, dict)
    for name, engine in engines.items():
        answers = (
            "[green]yes[/green]"
            if engine["answers"]
            else f"[red]{escape(str(engine['fault']))}[/red]"
        )
        cells = (engine["pid"], engine["memory_mb"], engine["restarts"])
        table.add_row(
            name,
            engine["address"] or "-",
            answers,
            *("-" if cell is None else str(cell) for cell in cells),
        )
    return table
