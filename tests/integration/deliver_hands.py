"""Delivery's queue and workers inside a test, without Faust."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import redis.asyncio as aioredis

from services.common import clients
from services.journey.deliver.domain.schedule import Timing
from services.journey.deliver.endpoints import Target
from services.journey.deliver.intake import Intake
from services.journey.deliver.job import Job, pack
from services.journey.deliver.keys import seen
from services.journey.deliver.letters import DeadLetters
from services.journey.deliver.permits import Permits
from services.journey.deliver.queue import Queue
from services.journey.deliver.sender import Sender
from services.journey.deliver.worker import Door, EndpointWorker, now_ms
from services.journey.domain.consent import Purpose
from tests.integration.deliver_stage import KEY, TOPICS, DeliverStage


class Hands:
    """Queue and workers inside the test, without Faust."""

    def __init__(self, on: DeliverStage, timing: Timing) -> None:
        self.stage = on
        self.timing = timing
        self.client = aioredis.Redis.from_url(on.redis_url, protocol=2)
        self.queue = Queue(self.client, timing)
        self.permits = Permits(self.client)
        self.letters = DeadLetters(lambda: clients.producer(on.settings))
        self.tasks: list[asyncio.Task[None]] = []

    def target(self, name: str, url: str, purpose: Purpose | None = None) -> Target:
        key = f"{self.stage.workspace}/{name}"
        return Target(key, self.stage.workspace, url, frozenset(TOPICS), (KEY,), purpose)

    def intake(self, targets: list[Target], log_reader: Any = None) -> Intake:
        found = {one.key: one for one in targets}
        return Intake(found, self.queue, self.letters, log_reader, lambda: None)

    def work(self, target: Target) -> EndpointWorker:
        """A worker for the endpoint, running."""
        sender = Sender(target, timeout_s=self.timing.timeout_s, allow_private=True)
        door = Door(target.key, sender, target.purpose)
        worker = EndpointWorker(door, self.queue, self.letters, self.timing, self.permits)
        self.tasks.append(asyncio.create_task(worker.run()))
        return worker

    async def queued(self, target: Target, count: int, about: UUID | None = None) -> list[str]:
        """Write so many deliveries for one endpoint, as if they were read."""
        place = (f"topic-{uuid4()}", 0)
        await self.queue.move(*place, None, 0)
        ids = [str(UUID(int=uuid4().int)) for _ in range(count)]
        plans = []
        for offset, id in enumerate(ids):
            told = {"type": "lifecycle.changed", "data": {"n": offset, "profile_id": str(about)}}
            body = json.dumps(told).encode()
            job = pack(Job("lifecycle.changed", self.stage.workspace, now_ms(), body))
            plans.append((offset, [(target.key, *seen(id, datetime.now(UTC)), id, job)]))
        done = await self.queue.write(*place, plans, now_ms())
        assert (done.what, done.written) == ("ok", count)
        return ids

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.client.aclose()
        self.letters.close()
