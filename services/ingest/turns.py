"""Sources take turns: what one of them floods is let in between what the others send.

Letting a batch of 100 in holds the event loop for some milliseconds. Were all that has arrived
let in as it came, a single call would wait behind a batch of every connection that is open.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Final

#: Events let in between two looks at the network; a larger batch is let in whole.
EVENTS_A_ROUND: Final = 100

_Waiting = deque[tuple[int, asyncio.Future[None]]]


class Turns:
    """Owned by the event loop. One request of each source in turn, until a round is full."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, _Waiting] = {}  # whose turn is next stands first
        self._let_in = 0

    async def turn(self, source: Hashable, events: int) -> None:
        """Returns when so many events of this source may be let in, before the next await."""
        if not self._waiting and self._let_in < EVENTS_A_ROUND:
            if self._let_in == 0:
                asyncio.get_running_loop().call_soon(self._next_round)
            self._let_in += max(events, 1)
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(source, deque()).append((events, mine))
        await mine

    def _next_round(self) -> None:
        self._let_in = 0
        while self._waiting and self._let_in < EVENTS_A_ROUND:
            source = next(iter(self._waiting))
            queue = self._waiting.pop(source)
            events, waits = queue.popleft()
            if queue:
                self._waiting[source] = queue
            if not waits.done():  # it may have been given up meanwhile
                self._let_in += max(events, 1)
                waits.set_result(None)
        if self._let_in:
            asyncio.get_running_loop().call_soon(self._next_round)
