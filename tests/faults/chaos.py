"""What is done to a running fleet and its engines, in an order that the seed decides."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from deploy.embedded.engines import Engines
from tests.faults.fleet import FAILPOINTS, SERVICES, Fleet, wait_for_death

FAILPOINT_S_MAX = 20.0
ARMED_AT_ONCE = 3
TRIES_MAX = 4

#: A service and one of its failpoints.
Job = tuple[str, str]
Say = Callable[[str], None]


class Chaos:
    """Kills until the wanted number is reached; counts what it did."""

    def __init__(self, fleet: Fleet, engines: Engines, dice: Random, say: Say) -> None:
        self._fleet, self._engines, self._dice, self._say = fleet, engines, dice, say
        self.engine_kills = 0
        self.pauses = 0
        self.failpoints: dict[str, int] = {}
        #: Where nobody died, however often it was tried.
        self.missed: set[str] = set()
        self._tries: Counter[Job] = Counter()

    def everything(self, kills: int, session_timeout_s: float) -> None:
        """Every failpoint of every service, engines and a pause in between, then at random."""
        jobs = [(name, point) for name, points in FAILPOINTS.items() for point in points]
        jobs += [("profile-2", point) for point in FAILPOINTS["profile"]]
        self._dice.shuffle(jobs)
        breaks = [*self._engines.processes, "pause"]
        self._dice.shuffle(breaks)
        while jobs:
            missed = self._failpoints(jobs[:ARMED_AT_ONCE])
            jobs = jobs[ARMED_AT_ONCE:] + missed
            if breaks and self._dice.random() < 0.5:
                self._break(breaks.pop(), session_timeout_s)
        for one in breaks:
            self._break(one, session_timeout_s)
        while self._fleet.deaths() < kills:
            self._fleet.kill(self._dice.choice(sorted(SERVICES)))
            time.sleep(self._dice.uniform(0.2, 1.5))

    def _failpoints(self, jobs: list[Job]) -> list[Job]:
        """Kill each of the services where it stands; those to be tried again."""
        before = {}
        for name, point in jobs:
            before[name] = self._fleet.members[name].deaths + 1
            self._fleet.arm(name, point, self._dice.randint(1, 3))
        missed = []
        for name, point in jobs:
            place = f"{name}:{point}"
            if wait_for_death(self._fleet, name, before[name], FAILPOINT_S_MAX):
                self.failpoints[place] = self.failpoints.get(place, 0) + 1
                self.missed.discard(place)
                continue
            self._say(f"{name} did not pass {point} in time; killed instead")
            self._fleet.disarm(name)
            self._tries[name, point] += 1
            self.missed.add(place)
            if self._tries[name, point] < TRIES_MAX:
                missed.append((name, point))
        return missed

    def _break(self, what: str, session_timeout_s: float) -> None:
        if what == "pause":
            self._say("profile is paused past its session time-out")
            self._fleet.pause("profile")
            time.sleep(session_timeout_s + 3)
            self._fleet.wake("profile")
            self.pauses += 1
            return
        self._say(f"{what} is killed")
        self._engines.kill(what)
        self.engine_kills += 1
        time.sleep(self._dice.uniform(1, 3))
        self._engines.start(what)


def lose_end_of_redis_log(engines: Engines, home: Path, dice: Random, say: Say) -> int:
    """kill -9 Redis, cut the end of its append-only file, start it again; bytes thrown away."""
    engines.kill("redis")
    time.sleep(0.5)
    files = [p for p in (home / "redis").rglob("*") if p.is_file() and p.name.endswith(".aof")]
    log = max(files, key=lambda path: (path.stat().st_mtime, path.stat().st_size))
    size = log.stat().st_size
    lost = int(size * dice.uniform(0.1, 0.3))
    with log.open("r+b") as file:
        file.truncate(size - lost)
    say(f"Redis lost the last {lost:,} of {size:,} bytes of its append-only file")
    engines.start("redis")
    return lost
