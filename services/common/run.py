"""Signals, the watchdog, and a garbage collector set for long-lived state."""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

#: The exit status of a process that ended itself since it made no progress.
STUCK_STATUS = 70
#: Seconds between two collections, where there is nothing to do and where there always is.
QUIET_COLLECTED_EVERY_S = 10.0
COLLECTED_EVERY_S = 300.0
#: Seconds between two walks over all that lives, in a quiet moment.
WALKED_EVERY_S = 3_600.0


class Stop:
    """Set by SIGTERM and SIGINT; loops ask it between two steps."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def on_signals(self) -> Stop:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._event.set())
        return self

    def set(self) -> None:
        self._event.set()

    def __call__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)


class Watchdog:
    """Ends the process when `alive()` was not called for so long: a restart beats a stuck loop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> Watchdog:
        self._thread.start()
        return self

    def alive(self) -> None:
        self._last = time.monotonic()

    def stop(self) -> None:
        """The loop has ended in good order."""
        self._stopped.set()

    def silent_s(self) -> float:
        return time.monotonic() - self._last

    def _watch(self) -> None:
        # A paused process (SIGSTOP, a suspended machine) was not stuck: the watcher was paused
        # too, so it gives the loop as long again after any gap in its own clock.
        looked = time.monotonic()
        while not self._stopped.wait(min(1.0, self._seconds / 4)):
            now = time.monotonic()
            if now - looked > self._seconds / 2:
                self._last = now
            looked = now
            if self.silent_s() > self._seconds:
                log.critical("no progress for %.0f s: ending the process", self._seconds)
                faulthandler.dump_traceback(all_threads=True)
                os._exit(STUCK_STATUS)


def settle_memory() -> None:
    """What is loaded by now stays: keep the collector from walking it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


class BetweenBatches:
    """Collects garbage between batches, never within one, and rather when there is little to do.

    A batch makes a hundred thousand objects and frees them without the collector's help; walking
    them meanwhile took a tenth of the whole. What is left for it are the few cycles. What lives
    on behind them is frozen: walking the profiles that are kept took most of a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        settle_memory()
        gc.disable()
        self._collected_at = self._walked_at = clock()

    def batch_done(self, *, quiet: bool) -> None:
        """A batch is done and its objects are free; `quiet`: there was nothing in it."""
        waited_s = self._clock() - self._collected_at
        if waited_s < (QUIET_COLLECTED_EVERY_S if quiet else COLLECTED_EVERY_S):
            return
        if quiet and self._clock() - self._walked_at >= WALKED_EVERY_S:
            gc.unfreeze()  # a cycle that was alive when it was frozen may be garbage by now
            self._walked_at = self._clock()
        gc.collect()
        gc.freeze()
        self._collected_at = self._clock()
