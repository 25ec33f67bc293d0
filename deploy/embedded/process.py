"""One engine as an operating system process that a later run can find, adopt or end."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

LOG_BYTES_MAX = 10_000_000

#: For what fills and answers the analysts' columns: on a machine at its limit they may be seconds
#: late, where a stage or an alert may not.
ANALYTICS_NICE = 5


@dataclass(frozen=True, slots=True)
class Mark:
    """What proves that a pid is still the process we started, and not a later one."""

    pid: int
    birth: str
    port: int


def birth(pid: int) -> str | None:
    """Start time of a running process on a clock that nobody sets; None if there is none."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE and not _threads_left(pid):
            return None
        return _ticks(pid) or f"{process.create_time():.2f}"
    except (psutil.Error, OSError):
        return None


def _threads_left(pid: int) -> bool:
    """Linux: a killed process is a zombie while its last threads still hold its files and port."""
    return len(list(Path(f"/proc/{pid}/task").glob("*"))) > 1


def _ticks(pid: int) -> str | None:
    """Linux: the boot and the clock ticks since it. Wall-clock times shift when it is set."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    if not boot.exists():
        return None
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{boot.read_text().strip()}/{after_name[19]}"


def read_mark(path: Path) -> Mark | None:
    """The mark in the file, or None when there is none or it was torn."""
    try:
        return Mark(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_mark(path: Path, mark: Mark) -> None:
    """Replace the file in one step, so that a kill leaves the old mark or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(mark)))
    draft.replace(path)


def still_runs(mark: Mark | None) -> bool:
    """Whether the marked process, and not a later one with its pid, is running."""
    return mark is not None and birth(mark.pid) == mark.birth


def _keep_small(log_path: Path) -> None:
    """One earlier log is kept; without this it would grow for as long as the home lasts."""
    if log_path.exists() and log_path.stat().st_size > LOG_BYTES_MAX:
        log_path.replace(log_path.with_suffix(".log.1"))


def _reap(pid: int) -> None:
    """Let a dead child go, so that it does not stay as a zombie. Others' children are theirs."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _be_nice(pid: int, nice: int) -> None:
    """Lower a process's priority; that of its session too, where Linux shares by session."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))


class EngineProcess:
    """Starts, signals and ends one engine; remembers it in a mark file."""

    def __init__(self, name: str, mark_path: Path, log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._mark_path = mark_path
        self._mark = read_mark(mark_path)

    @property
    def pid(self) -> int | None:
        return self._mark.pid if self._mark and self.alive() else None

    @property
    def port(self) -> int | None:
        """The port of the present or the last run."""
        return self._mark.port if self._mark else None

    def alive(self) -> bool:
        if still_runs(self._mark):
            return True
        if self._mark is not None:
            _reap(self._mark.pid)
        return False

    def start(
        self, command: Sequence[str], port: int, env: dict[str, str] | None = None, *, nice: int = 0
    ) -> None:
        """Run the command in a session of its own: a Ctrl-C at our terminal is not for it.

        `nice` > 0: when the processors do not suffice for all, it waits for the others.
        """
        assert not self.alive(), f"{self.name} runs already"
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        _keep_small(self.log_path)
        with self.log_path.open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **(env or {})},
            )
        if nice:
            _be_nice(child.pid, nice)
        self._mark = Mark(child.pid, birth(child.pid) or "died at once", port)
        child.returncode = 0  # it may outlive us on purpose; Popen would warn of that
        write_mark(self._mark_path, self._mark)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, never to a foreign process that got the pid meanwhile."""
        if self._mark is not None and self.alive():
            os.kill(self._mark.pid, number)

    def stop(self, grace_s: float = 20.0) -> None:
        """Ask, wait, then insist. A paused process is woken first, else it could not hear."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if not self._gone_within(grace_s):
            self.kill()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self._gone_within(10.0)

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def last_words(self, lines: int = 12) -> str:
        """The end of the engine's log, for an error message."""
        if not self.log_path.exists():
            return "(no log)"
        text = self.log_path.read_bytes()[-8000:].decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])
