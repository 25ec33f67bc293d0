"""Workers as threads of which exactly one runs at a time, chosen by a seeded scheduler."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Killed(BaseException):
    """kill -9: nothing of the worker's code catches it."""


class Worker:
    """A thread that stops before every operation on the world until it is told to go on."""

    def __init__(self, name: str, main: Callable[[Worker], None]) -> None:
        self.name = name
        self.dead = False
        self.killed = False
        self._main = main
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self.fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    def advance(self) -> None:
        """Let it do one operation (scheduler's side)."""
        self._go.release()
        self._stopped.acquire()

    def kill(self) -> None:
        """End it at the operation before which it stands."""
        self.killed = True
        if not self.dead:
            self.advance()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def pass_here(self) -> None:
        """Wait for the scheduler (worker's side)."""
        self._stopped.release()
        self._go.acquire()
        if self.killed:
            raise Killed

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self.killed:
                self._main(self)
        except Killed:
            pass
        except BaseException as fault:
            self.fault = fault
        finally:
            self.dead = True
            self._stopped.release()
