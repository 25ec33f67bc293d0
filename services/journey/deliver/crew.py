"""The workers of the endpoints that there are now: they come, go and change while others send."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from services.journey.deliver.endpoints import Target
from services.journey.deliver.worker import EndpointWorker

log = logging.getLogger(__name__)

LOOK_AGAIN_S: Final = 0.1


class Crew:
    """`targets` is changed in place, and nowhere else: who plans deliveries sees one version.

    `known`: the endpoints that this process has had, also those that are gone.
    """

    def __init__(self, make: Callable[[Target], EndpointWorker]) -> None:
        self._make = make
        self._workers: dict[str, EndpointWorker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.targets: dict[str, Target] = {}
        self.known: dict[str, None] = {}

    def renew(self, found: Mapping[str, Target]) -> None:
        """From the next attempt on these count. What is in flight comes to its end.

        What waits for an endpoint that is gone stays in its queue; under its name it goes on.
        """
        for key, target in list(self.targets.items()):
            if found.get(key) != target:
                del self.targets[key]
                self._workers.pop(key).retire()
                log.info("webhook endpoint %s is %s", key, "changed" if key in found else "gone")
        for key, target in found.items():
            if key not in self.targets:
                self._begin(key, target)

    def _begin(self, key: str, target: Target) -> None:
        self.targets[key] = target
        self.known[key] = None
        worker = self._workers[key] = self._make(target)
        self._tasks.add(asyncio.create_task(worker.run(), name=f"worker {key}"))

    def wake(self) -> None:
        """There is something new in the queues."""
        for worker in self._workers.values():
            worker.wake()

    async def run(self) -> None:
        """Until cancelled, or until a worker fails: its exception is raised."""
        try:
            while True:
                await asyncio.sleep(LOOK_AGAIN_S)
                for task in [one for one in self._tasks if one.done()]:
                    self._tasks.remove(task)
                    task.result()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
