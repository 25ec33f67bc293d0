"""What the demo's processes used: peak resident memory of all together, CPU seconds of each."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psutil

LOOK_AGAIN_AFTER_S = 1.0
MB = 1 << 20


class ResourceWatch:
    """Looks once a second, in a thread of its own. `pids` gives the processes of the moment."""

    def __init__(self, pids: Callable[[], dict[str, int]]) -> None:
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="resources", daemon=True)
        self._cpu_s: dict[tuple[str, int], float] = {}
        self.peak_mb = 0
        self.peaks_mb: dict[str, int] = {}

    def start(self) -> ResourceWatch:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def cpu_s(self) -> dict[str, float]:
        """CPU seconds by name; a process that was started again counts with its former lives."""
        used: dict[str, float] = {}
        for (name, _), seconds in self._cpu_s.items():
            used[name] = round(used.get(name, 0.0) + seconds, 1)
        return used

    def _watch(self) -> None:
        ended = False
        while not ended:
            ended = self._stop.wait(LOOK_AGAIN_AFTER_S)
            self._look()

    def _look(self) -> None:
        total_mb = 0
        for name, pid in self._pids().items():
            try:
                process = psutil.Process(pid)
                used_mb = int(process.memory_info().rss) // MB
                times = process.cpu_times()
            except psutil.Error:
                continue  # it ended meanwhile
            total_mb += used_mb
            self.peaks_mb[name] = max(used_mb, self.peaks_mb.get(name, 0))
            self._cpu_s[name, pid] = times.user + times.system
        self.peak_mb = max(self.peak_mb, total_mb)
