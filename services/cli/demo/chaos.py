"""The kill in the middle: kill -9 of the profile service, half way through, in plain sight."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from services.cli.demo.drain import Drain
from services.cli.demo.stage import Stage

KILLED: Final = "profile"
LOOK_AGAIN_AFTER_S = 0.3


class Chaos:
    """Watches how far the profile service is, and kills it once when it is half way."""

    def __init__(self, stage: Stage, events: int, note: Callable[[str], None]) -> None:
        self._stage = stage
        self._half = events // 2
        self._note = note
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="chaos", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        drain = Drain(self._stage.settings)
        while not self._ended.wait(LOOK_AGAIN_AFTER_S):
            done = drain.done_by(KILLED)
            if done >= self._half:
                self._kill(done)
                return

    def _kill(self, done: int) -> None:
        pid = self._stage.services.pids.get(KILLED)
        self._stage.services.kill(KILLED)
        self._note(f"kill -9 {pid}: the {KILLED} service dies after {done:,} events, on purpose")
