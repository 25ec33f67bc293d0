"""Webhook deliveries about one person: those that wait, and those that were given up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import redis

from services.cli.person.about import About
from services.journey.deliver import keys
from services.journey.deliver.job import Job, unpack

_JOBS: Final = ("job", "dead")
SCANNED_TOGETHER: Final = 1_000


class Delivery(NamedTuple):
    """One that is about them; `kept` is job (it waits) or dead (it was given up)."""

    endpoint: str
    kept: str
    id: bytes
    job: Job


def deliveries(client: redis.Redis, about: About) -> Iterator[Delivery]:
    """All of them, endpoint by endpoint. redis.RedisError."""
    endpoints: Any = client.smembers(keys.ENDPOINTS)
    for endpoint in sorted(one.decode() for one in endpoints):
        for kept, key in zip(_JOBS, keys.keys(endpoint, _JOBS), strict=True):
            found: Any = client.hscan_iter(key, count=SCANNED_TOGETHER)
            for id, value in found:
                job = unpack(value)
                if about.body(job.body):
                    yield Delivery(endpoint, kept, id, job)


def dropped(client: redis.Redis, delivery: Delivery) -> None:
    """Forget one: it is not sent (again). One that is on its way at this moment may arrive."""
    due, job, tries, dead, at = keys.keys(
        delivery.endpoint, ("due", "job", "tries", "dead", "deadat")
    )
    together: Any = client.pipeline(transaction=True)
    together.zrem(due, delivery.id).hdel(job, delivery.id).hdel(tries, delivery.id)
    together.hdel(dead, delivery.id).zrem(at, delivery.id)
    together.execute()
