"""Peak memory of everything the demo started, itself included: the sum of resident sets."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psutil

LOOK_AGAIN_AFTER_S = 1.0
MB = 1 << 20


class MemoryWatch:
    """Looks once a second, in a thread of its own. `pids` gives the processes of the moment."""

    def __init__(self, pids: Callable[[], dict[str, int]]) -> None:
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self.peak_mb = 0
        self.peaks_mb: dict[str, int] = {}

    def start(self) -> MemoryWatch:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_AGAIN_AFTER_S):
            found = {name: _resident_mb(pid) for name, pid in self._pids().items()}
            self.peak_mb = max(self.peak_mb, sum(found.values()))
            for name, used_mb in found.items():
                self.peaks_mb[name] = max(used_mb, self.peaks_mb.get(name, 0))


def _resident_mb(pid: int) -> int:
    """Of one process; one that ended meanwhile holds nothing."""
    try:
        return int(psutil.Process(pid).memory_info().rss) // MB
    except psutil.Error:
        return 0
