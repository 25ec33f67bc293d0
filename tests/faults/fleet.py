"""The services of a fault run as processes that are armed, killed, paused and come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded.ports import free_port

#: Name -> module and arguments. Two workers share the partitions of profile.
SERVICES: Mapping[str, tuple[str, ...]] = {
    "ingest": ("services.ingest",),
    "profile": ("services.profile",),
    "profile-2": ("services.profile",),
    "accounts": ("services.profile", "accounts"),
    "score": ("services.scoring", "score"),
    "columns": ("services.scoring", "columns"),
    "decide": ("services.journey", "decide"),
    "deliver": ("services.journey", "deliver"),
}
#: Where each service can be made to die.
FAILPOINTS: Mapping[str, tuple[str, ...]] = {
    "ingest": ("ingest_before_ack", "after_read", "middle_of_produce", "before_next_commit"),
    "profile": (
        "after_read",
        "before_next_commit",
        "after_commit",
        "before_produce",
        "middle_of_produce",
    ),
    "accounts": (
        "after_read",
        "before_next_commit",
        "after_commit",
        "before_produce",
        "middle_of_produce",
    ),
    "score": ("after_read", "before_commit", "after_commit", "before_produce"),
    "columns": ("clickhouse_insert",),
    "decide": (
        "after_read",
        "before_next_commit",
        "after_commit",
        "before_produce",
        "middle_of_produce",
    ),
    "deliver": ("deliver_before_send", "deliver_after_send"),
}
LOOK_EVERY_S = 0.1


@dataclass
class Member:
    """One service's process now, and how often it was seen dead."""

    process: subprocess.Popen[bytes]
    deaths: int = 0
    paused: bool = False
    armed: str = ""


@dataclass
class Fleet:
    """Whatever dies is started again, unarmed."""

    home: Path
    environment: Mapping[str, str]
    members: dict[str, Member] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _watcher: threading.Thread | None = None

    def start(self) -> None:
        for name in SERVICES:
            self.members[name] = Member(self._launch(name, ""))
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def kill(self, name: str) -> None:
        """kill -9, now."""
        self.members[name].process.kill()

    def arm(self, name: str, failpoint: str, nth: int) -> None:
        """Kill it, and let its next life end at a failpoint."""
        with self._lock:
            member = self.members[name]
            member.process.kill()
            member.process.wait()
            member.deaths += 1
            member.armed = f"{failpoint}:{nth}"
            member.process = self._launch(name, member.armed)

    def disarm(self, name: str) -> None:
        """Give up waiting for an armed failpoint that nothing passes: an ordinary kill."""
        if self.members[name].armed:
            self.kill(name)

    def pause(self, name: str) -> None:
        self.members[name].process.send_signal(signal.SIGSTOP)

    def wake(self, name: str) -> None:
        self.members[name].process.send_signal(signal.SIGCONT)

    def deaths(self) -> int:
        return sum(member.deaths for member in self.members.values())

    def stop(self) -> None:
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
        for member in self.members.values():
            member.process.send_signal(signal.SIGCONT)
            member.process.terminate()
        for member in self.members.values():
            try:
                member.process.wait(15)
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            with self._lock:
                for name, member in self.members.items():
                    if member.process.poll() is not None:
                        member.deaths += 1
                        member.armed = ""
                        member.process = self._launch(name, "")

    def _launch(self, name: str, failpoint: str) -> subprocess.Popen[bytes]:
        environment = os.environ | dict(self.environment)
        environment["RAPPORT_HEALTH_PORT"] = str(free_port())
        environment["RAPPORT_INSTANCE"] = name
        environment.pop("RAPPORT_FAILPOINT", None)
        if failpoint:
            environment["RAPPORT_FAILPOINT"] = failpoint
        (self.home / "log").mkdir(exist_ok=True)
        with (self.home / "log" / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *SERVICES[name]],
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )


def wait_for_death(fleet: Fleet, name: str, deaths_before: int, seconds: float) -> bool:
    """Whether it died within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if fleet.members[name].deaths > deaths_before:
            return True
        time.sleep(0.05)
    return False
