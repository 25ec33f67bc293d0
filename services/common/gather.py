"""How long a batch may gather records before it is decided on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

#: Pure latency for the few records of a quiet hour.
SHORT_S: Final = 0.05
#: Each commit, transaction and slot costs the engines milliseconds, whatever it holds; and after
#: each wait for an engine the processor's caches are cold. At thousands of records a second six
#: times as many in each batch are worth a fifth of a second.
BEAT_S: Final = 0.3
MANY_RECORDS: Final = 64


class Gather:
    """Asked before each batch, told after it.

    Dense batches follow each other in a beat. What deciding took counts: records have gathered in
    the log meanwhile, and where it took longer than the beat, nothing waits at all.
    """

    __slots__ = ("_clock", "_dense", "_taken_at")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken_at = 0.0
        self._dense = False

    def wait_s(self) -> float:
        """How long the next batch may gather from now on."""
        if not self._dense:
            return SHORT_S
        return max(0.0, self._taken_at + BEAT_S - self._clock())

    def taken(self, records: int) -> None:
        """The batch was taken now, with so many records."""
        self._taken_at = self._clock()
        self._dense = records >= MANY_RECORDS
