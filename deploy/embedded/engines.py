"""Kafka, Redis and ClickHouse together: those that were named, and a local one for the rest."""

import json
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded import clickhouse, kafka, ports, redis
from deploy.embedded.process import ANALYTICS_NICE, EngineProcess

NAMES = ("kafka", "redis", "clickhouse")
ADDRESS = {
    "kafka": "{host}:{port}",
    "redis": "redis://{host}:{port}/0",
    "clickhouse": "http://{host}:{port}",
}
ANSWERS: Mapping[str, Callable[[int], bool]] = {
    "kafka": kafka.answers,
    "redis": redis.answers,
    "clickhouse": clickhouse.answers,
}
START_SECONDS_MAX = 180.0
ADDRESSES_FILE = "engines.json"  # where services look that were given no address

Say = Callable[[str], None]
Abandoned = Callable[[], bool]  # asked while waiting: whether to give up


class EngineFailedError(RuntimeError):
    """An engine did not come up; the message ends with its own last words."""


def silent(_: str) -> None:
    """For callers that show no progress."""


def never() -> bool:
    """For callers that nobody interrupts."""
    return False


@dataclass(frozen=True, slots=True)
class Engines:
    """Addresses of the three engines, and the local ones' lives in our hands."""

    kafka: str
    redis: str
    clickhouse: str
    home: Path
    processes: Mapping[str, EngineProcess]
    say: Say = silent
    abandoned: Abandoned = never

    @classmethod
    def left_in(cls, home: Path) -> "Engines":
        """What an earlier run started in this home, whether it still runs or not."""
        home = home.absolute()
        processes = {name: _process(home, name) for name in NAMES}
        addresses = {
            name: _address(name, process) if process.port else ""
            for name, process in processes.items()
        }
        return cls(*_in_order(addresses), home, processes)

    @property
    def pids(self) -> dict[str, int]:
        """The pid of each local engine that runs."""
        found = {name: process.pid for name, process in self.processes.items()}
        return {name: pid for name, pid in found.items() if pid is not None}

    @property
    def analyst_password(self) -> str:
        """Password of the ClickHouse user `analyst`; only for a local ClickHouse."""
        return clickhouse.analyst_password(self.home / "clickhouse")

    def alive(self, name: str) -> bool:
        return self.processes[name].alive()

    def answers(self, name: str) -> bool:
        port = self.processes[name].port
        return port is not None and ANSWERS[name](port)

    def start(self, name: str) -> None:
        """Start a local engine again with its port and its data, and wait until it answers.

        Raises PortTakenError when somebody else took the port meanwhile, EngineFailedError.
        """
        process = self.processes[name]
        if process.alive():
            return
        port = process.port
        assert port is not None, f"{name} never ran"
        if not ports.is_free(port):
            raise ports.PortTakenError(name, port)
        _launch(self.home, process, port, self.say)
        _wait(process, self.say, self.abandoned)

    def kill(self, name: str) -> None:
        """As a crash would: SIGKILL."""
        self.processes[name].kill()

    def pause(self, name: str) -> None:
        self.processes[name].signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self.processes[name].signal(signal.SIGCONT)

    def stop(self) -> None:
        """End every local engine in good order, all at the same time."""
        (self.home / ADDRESSES_FILE).unlink(missing_ok=True)
        if self.processes:
            with ThreadPoolExecutor(len(self.processes)) as hands:
                list(hands.map(EngineProcess.stop, self.processes.values()))


def start_engines(
    home: Path,
    *,
    kafka: str | None = None,
    redis: str | None = None,
    clickhouse: str | None = None,
    fixed_ports: Mapping[str, int] | None = None,
    say: Say = silent,
    abandoned: Abandoned = never,
) -> Engines:
    """Start what has no address yet, adopt what an earlier run left, wait until all answer.

    Raises PortTakenError for a fixed port that is held, EngineFailedError for an engine that
    does not come up.
    """
    home = home.absolute()
    named = {"kafka": kafka, "redis": redis, "clickhouse": clickhouse}
    processes = {name: _process(home, name) for name in NAMES if not named[name]}
    fixed = fixed_ports or {}
    try:
        with ThreadPoolExecutor(len(NAMES)) as hands:
            for started in [
                hands.submit(_bring_up, home, process, fixed.get(process.name), say, abandoned)
                for process in processes.values()
            ]:
                started.result()
    except BaseException:
        for process in processes.values():
            process.stop()
        raise
    addresses = {name: named[name] or _address(name, processes[name]) for name in NAMES}
    _write_addresses(home, addresses)
    return Engines(*_in_order(addresses), home, processes, say, abandoned)


def _write_addresses(home: Path, addresses: Mapping[str, str]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    draft = home / f"{ADDRESSES_FILE}.new"
    draft.write_text(json.dumps(addresses))
    draft.replace(home / ADDRESSES_FILE)


def _in_order(addresses: Mapping[str, str]) -> tuple[str, str, str]:
    return addresses["kafka"], addresses["redis"], addresses["clickhouse"]


def _process(home: Path, name: str) -> EngineProcess:
    return EngineProcess(name, home / "run" / f"{name}.json", home / "log" / f"{name}.log")


def _address(name: str, process: EngineProcess) -> str:
    return ADDRESS[name].format(host=ports.HOST, port=process.port)


def _bring_up(
    home: Path, process: EngineProcess, fixed: int | None, say: Say, abandoned: Abandoned
) -> None:
    if process.alive() and fixed in (None, process.port):
        say(f"{process.name}: runs already, pid {process.pid}, port {process.port}")
        process.signal(signal.SIGCONT)  # it may have been left paused
        _wait(process, say, abandoned)
        return
    process.stop()
    port = ports.choose(process.name, fixed, process.port)
    if process.port not in (None, port):
        say(f"{process.name}: its earlier port {process.port} is taken, now {port}")
    try:
        _launch(home, process, port, say)
        _wait(process, say, abandoned)
    except EngineFailedError:
        if fixed or process.alive() or ports.is_free(port):
            raise
        say(f"{process.name}: port {port} was taken meanwhile by {ports.holder(port)}")
        _launch(home, process, ports.free_port(), say)
        _wait(process, say, abandoned)


def _launch(home: Path, process: EngineProcess, port: int, say: Say) -> None:
    directory = home / process.name
    if process.name == "kafka":
        process.start(kafka.command(directory, port, say), port)
    elif process.name == "redis":
        process.start(redis.command(directory, port), port)
    else:
        environment = clickhouse.environment(directory)
        command = clickhouse.command(directory, port)
        process.start(command, port, environment, nice=ANALYTICS_NICE)


def _wait(process: EngineProcess, say: Say, abandoned: Abandoned) -> None:
    """Until it answers; a process that ends meanwhile is an error at once."""
    started = time.monotonic()
    assert process.port is not None
    while not (_listens(process) and ANSWERS[process.name](process.port)):
        if abandoned():
            raise EngineFailedError(f"{process.name}: stopped while it was starting")
        elapsed_s = time.monotonic() - started
        if not process.alive() or elapsed_s > START_SECONDS_MAX:
            how = "ended" if not process.alive() else f"did not answer in {elapsed_s:.0f} s"
            raise EngineFailedError(
                f"{process.name} {how}; the end of {process.log_path}:\n{process.last_words()}"
            )
        time.sleep(0.05)
    say(f"{process.name}: ready at port {process.port} ({time.monotonic() - started:.1f} s)")


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it comes true in that time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _listens(process: EngineProcess) -> bool:
    """Quieter than asking, as clients log refused connections; and sure that it is ours."""
    return bool(process.pid and process.port and ports.listens(process.pid, process.port))
