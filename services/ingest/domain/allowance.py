"""How much a source may send: a token bucket."""

from __future__ import annotations

import time
from collections.abc import Callable

#: A hair less, since seconds times events a second is not exact.
ONE_EVENT = 1 - 1e-6


class Allowance:
    """`events_per_s` for ever, and `burst` events at once after a rest.

    Whoever may send one event may send a whole request: its size is known only when it has been
    read, and a batch larger than the burst would never come through. What it takes too much is
    waited for by the next one, so the average holds.
    """

    __slots__ = ("_at", "_burst", "_clock", "_left", "_per_s")

    def __init__(
        self, events_per_s: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s, self._burst, self._clock = events_per_s, burst, clock
        self._left, self._at = float(burst), clock()

    def wait_s(self) -> float:
        """Seconds until the next request may come; 0: now."""
        self._refill()
        return 0.0 if self._left >= ONE_EVENT else (1 - self._left) / self._per_s

    def spend(self, events: int) -> None:
        """A request brought so many."""
        self._refill()
        self._left -= events

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
