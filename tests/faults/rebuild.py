"""A rebuild of profiles under traffic: spoilt on purpose, killed, run again until it is done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

import redis

from services.common.batch import pack_state, unpack_state
from services.profile.store import pack, unpack

SPOILT = 30
TRIES_MAX = 20
SECONDS_MAX = 120.0

Say = Callable[[str], None]


def spoil(client: redis.Redis, dice: Random) -> int:
    """A bug in a fold: orders are forgotten, visits counted twice. How many components it hit.

    Under a new version, as code would have written it: what workers keep at hand is old by that.
    """
    keys = sorted(client.scan_iter(match=b"c:*", count=1_000))
    hit = 0
    for key in dice.sample(keys, k=min(SPOILT, len(keys))):
        hit += bool(client.transaction(partial(_spoil, key=key), key))
    return hit


def _spoil(pipe: Any, key: bytes) -> None:
    value = pipe.get(key)
    pipe.multi()
    if value is None:
        return
    version, component = unpack_state(value)[0], unpack(unpack_state(value)[1])
    for node in component.nodes:
        if node.part is not None:
            node.part.orders.clear()
            for kind, (times, newest) in node.part.kinds.items():
                node.part.kinds[kind] = (2 * times, newest)
    pipe.set(key, pack_state(version + 1, pack(component)))


class Rebuilding:
    """`rapport rebuild profiles` as processes of their own; `kills`: how often one was killed."""

    def __init__(self, environment: Mapping[str, str], say: Say) -> None:
        self._environment = os.environ | dict(environment)
        self._say = say
        self.kills = 0
        self.runs = 0

    def killed_at(self, failpoint: str) -> None:
        """One that dies there; should it not pass there, it is done."""
        self._run({"RAPPORT_FAILPOINT": failpoint})

    def killed_after(self, seconds: float) -> None:
        """One that dies at any moment."""
        process = self._start({})
        time.sleep(seconds)
        process.kill()
        self.kills += process.wait() == -signal.SIGKILL

    def until_done(self) -> dict[str, Any]:
        """Run again until it ends in good order, whatever is killed meanwhile; its last report."""
        for _ in range(TRIES_MAX):
            report = self._run({})
            if report:
                return report
            time.sleep(1)
        raise AssertionError(f"no rebuild came to its end in {TRIES_MAX} runs")

    def _run(self, more: Mapping[str, str]) -> dict[str, Any]:
        process = self._start(more)
        out, err = process.communicate(timeout=SECONDS_MAX)
        self.kills += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            report: dict[str, Any] = json.loads(out)
            return report
        self._say(f"a rebuild ended with {process.returncode}: {err.decode().strip()[:200]}")
        return {}

    def _start(self, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
        self.runs += 1
        return subprocess.Popen(
            [sys.executable, "-m", "services.cli", "rebuild", "profiles", "--json"],
            env=self._environment | dict(more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
