"""ingest killed under load, again and again; then the senders' ledger is held against the log."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import httpx

from deploy.embedded.ports import HOST, free_port
from tests.faults.log import Found, ends, in_the_log
from tests.faults.senders import Ledger, Senders

START_S_MAX: Final = 60.0
FAILPOINT_S_MAX: Final = 15.0
LOAD_S_MAX: Final = 1.0
HELD_S_MAX: Final = 0.5
#: Why it dies: at any moment under load; between Kafka's acknowledgement and the answer; while
#: Kafka is held, so that nothing is acknowledged; before it has begun to listen.
WAYS: Final = ("any moment", "before the answer", "Kafka held", "starting")
WEIGHTS: Final = (5, 3, 3, 1)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is done: so many kills, spread by the dice over processes that share one port."""

    kills: int
    seed: int
    processes: int = 2
    singles: int = 12
    batches: int = 6


@dataclass(frozen=True)
class Kafka:
    """The log that ingest writes to. `hold` and `let_go`: where it is ours to stop and go on."""

    address: str
    hold: Callable[[], None] | None = None
    let_go: Callable[[], None] | None = None


class Killer:
    """The processes of ingest, each killed and started again until there were enough kills."""

    def __init__(self, plan: Plan, kafka: Kafka, folder: Path, say: Say) -> None:
        self.port = free_port()
        self.deaths: Counter[str] = Counter()
        self._plan, self._kafka, self._folder, self._say = plan, kafka, folder, say
        self._dice = Random(plan.seed)
        self._left = plan.kills
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._held = asyncio.Lock()

    async def run(self) -> None:
        """Until all kills are done and every process serves again."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._plan.processes):
                group.create_task(self._lives(number))

    def stop(self) -> None:
        """End them in good order."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    async def _lives(self, number: int) -> None:
        while self._left > 0:
            self._left -= 1
            way = self._dice.choices(WAYS, WEIGHTS)[0]
            if way == "Kafka held" and self._kafka.hold is None:
                way = "any moment"
            health = self._start(number, way)
            await self._end(number, way, health)
            self.deaths[way] += 1
            done = sum(self.deaths.values())
            if done % 10 == 0:
                self._say(f"killed {done} of {self._plan.kills} times")
        health = self._start(number, "")
        await self._under_load(number, health)

    async def _end(self, number: int, way: str, health: int) -> None:
        process = self._running[number]
        if way == "starting":
            await asyncio.sleep(self._dice.uniform(0, 2))
        elif not await self._under_load(number, health):
            pass  # its failpoint was quicker than our look
        elif way == "before the answer":
            await _until(lambda: process.poll() is not None, FAILPOINT_S_MAX)
        elif way == "Kafka held":
            await self._held_and_killed(process)
        else:
            await asyncio.sleep(self._dice.uniform(0, LOAD_S_MAX))
        process.kill()
        status = await asyncio.to_thread(process.wait)
        assert status == -signal.SIGKILL, f"ingest ended by itself ({status}): see {self._folder}"

    async def _held_and_killed(self, process: subprocess.Popen[bytes]) -> None:
        """What was not acknowledged then is in nobody's hands but the process's."""
        assert self._kafka.hold is not None
        assert self._kafka.let_go is not None
        async with self._held:
            self._kafka.hold()
            try:
                await asyncio.sleep(self._dice.uniform(0.1, HELD_S_MAX))
                process.kill()
                await asyncio.to_thread(process.wait)
            finally:
                self._kafka.let_go()

    async def _under_load(self, number: int, health: int) -> bool:
        """Wait until this very process has accepted something; False when it died before."""
        process = self._running[number]
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            deadline = time.monotonic() + START_S_MAX
            while process.poll() is None:
                assert time.monotonic() < deadline, f"ingest gets no load: see {self._folder}"
                try:
                    answer = await client.get(f"http://{HOST}:{health}/metrics")
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)
                    continue
                if "\nrapport_ingest_accepted_events_total{" in answer.text:
                    return True
                await asyncio.sleep(0.05)
        return False

    def _start(self, number: int, way: str) -> int:
        """The port of its health."""
        health = free_port()
        environment = os.environ | {
            "RAPPORT_KAFKA": self._kafka.address,
            "RAPPORT_HOME": str(self._folder),
            "RAPPORT_HTTP_HOST": HOST,
            "RAPPORT_HTTP_PORT": str(self.port),
            "RAPPORT_HTTP_PORT_SHARED": "true",
            "RAPPORT_HEALTH_PORT": str(health),
            "RAPPORT_INSTANCE": f"killed-{number}",
            "RAPPORT_SESSION_TIMEOUT_MS": "6000",
        }
        environment.pop("RAPPORT_FAILPOINT", None)
        if way == "before the answer":
            environment["RAPPORT_FAILPOINT"] = f"ingest_before_ack:{self._dice.randint(1, 400)}"
        with (self._folder / f"ingest-{number}.log").open("ab") as log:
            self._running[number] = subprocess.Popen(
                [sys.executable, "-m", "services.ingest"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return health


async def killed_under_load(
    plan: Plan, kafka: Kafka, folder: Path, say: Say
) -> tuple[Ledger, Counter[str], Found]:
    """What the senders know, how ingest died, and what the log has."""
    before = await asyncio.to_thread(ends, kafka.address)
    killer = Killer(plan, kafka, folder, say)
    ledger = Ledger(f"kill-{plan.seed}-{time.time_ns()}")
    senders = Senders(killer.port, ledger, Random(plan.seed + 1))
    sending = asyncio.create_task(senders.run(plan.singles, plan.batches))
    try:
        await killer.run()
        senders.stop()
        await sending
    finally:
        sending.cancel()
        await asyncio.to_thread(killer.stop)
    say(f"{len(ledger.answered):,} events were answered 200; reading the log")
    found = await asyncio.to_thread(in_the_log, kafka.address, before, ledger.prefix)
    return ledger, killer.deaths, found


async def _until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
