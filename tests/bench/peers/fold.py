"""The fold that every peer does: 400-byte profiles with the last 20 event ids.

Imports msgspec only, since the bench's own environment (quixstreams pins an older
confluent-kafka) shares it with ours.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import msgspec

LAST_IDS = 20

decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


def folded(profile: dict[str, Any] | None, event: dict[str, Any]) -> dict[str, Any]:
    """The profile after one more event."""
    profile = profile or {"id": event["user"], "events": 0, "revenue": 0, "last": 0, "ids": []}
    profile["events"] += 1
    profile["revenue"] += event["amount"]
    profile["last"] = max(profile["last"], event["at"])
    profile["ids"] = [*profile["ids"][-LAST_IDS + 1 :], event["id"]]
    return profile


class Clock:
    """From the first event to the last; prints what the bench reads."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._seen = 0
        self._began = 0.0
        self._cpu = 0.0

    def saw(self, count: int) -> bool:
        """Whether all have been seen."""
        if not self._seen:
            self._began, self._cpu = time.perf_counter(), cpu_s()
        self._seen += count
        return self._seen >= self._events

    def report(self) -> None:
        """To the real standard output: Faust puts its log in the place of sys.stdout."""
        spent = {"seconds": time.perf_counter() - self._began, "cpu_s": cpu_s() - self._cpu}
        assert sys.__stdout__ is not None
        sys.__stdout__.write(msgspec.json.encode(spent | {"events": self._seen}).decode() + "\n")
        sys.__stdout__.flush()


def cpu_s() -> float:
    """CPU seconds of this process, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
