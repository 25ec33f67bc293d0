"""Wait for what other processes do, and say what for when it does not come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

WITHIN_S = 60.0
LOOK_AGAIN_AFTER_S = 0.05


def until(holds: Callable[[], object], what: str = "it", within_s: float = WITHIN_S) -> None:
    """Return as soon as it holds. AssertionError after so many seconds."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s for {what}"
        time.sleep(LOOK_AGAIN_AFTER_S)


async def until_async(holds: Callable[[], object], within_s: float = WITHIN_S) -> None:
    """The same, while the event loop goes on."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s"
        await asyncio.sleep(LOOK_AGAIN_AFTER_S)
