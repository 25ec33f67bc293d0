"""The durable queue of deliveries in Redis: one for each endpoint, every change one Lua call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
import redis.asyncio as aioredis

from services.journey.deliver import keys
from services.journey.deliver.domain.schedule import DAY_MS, Timing
from services.journey.deliver.job import Job, unpack

#: endpoint, bucket, hash, id, job (empty: written off)
Delivery = tuple[str, str, str, str, bytes]
#: offset, deliveries
Planned = tuple[int, Sequence[Delivery]]

NAMES: Final = {
    "claim": ("due", "job", "tries", "ep"),
    "delivered": ("due", "job", "tries", "ep", "log"),
    "withheld": ("due", "job", "tries", "ep", "log"),
    "failed": ("due", "tries", "ep", "log"),
    "bury": ("due", "job", "tries", "ep", "log", "dead", "deadat"),
}


@dataclass(frozen=True, slots=True)
class Written:
    """How far `write` came: all records before `index` are written; see enqueue.lua.

    `written` and `known` count deliveries, new ones and those that were there already.
    """

    what: Literal["ok", "gap", "full"]
    index: int
    position: int
    endpoint: str
    written: int
    known: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery that this worker may try now."""

    id: str
    job: Job
    failures: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """What is due. `disabled` says why nothing may be sent any more; `next_due_ms` -1: nothing."""

    disabled: str
    next_due_ms: int
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """What `failed` writes. `gone`: why to disable at once; `peace_until_ms`: send nothing till."""

    why: str
    took_ms: int
    next_due_ms: int
    gone: str = ""
    peace_until_ms: int = 0


class Queue:
    """Every method is one round trip and one atomic change; all raise redis.RedisError."""

    def __init__(
        self, client: aioredis.Redis, timing: Timing, *, pending_max: int = keys.PENDING_MAX
    ) -> None:
        self._redis = client
        self._timing = timing
        self._pending_max = pending_max
        self._enqueue: Any = client.register_script(keys.script("enqueue"))
        self._move: Any = client.register_script(keys.script("move"))
        self._scripts: dict[str, Any] = {
            name: client.register_script(keys.script(name)) for name in NAMES
        }

    async def write(
        self, topic: str, partition: int, records: Sequence[Planned], now_ms: int
    ) -> Written:
        """Write the deliveries of consecutive records, and the position after them."""
        flat: list[bytes] = []
        wire = [(offset, [_wire(one, flat) for one in listed]) for offset, listed in records]
        what, index, position, endpoint, written, known = await self._enqueue(
            keys=[keys.position(topic, partition)],
            args=[
                now_ms,
                msgspec.msgpack.encode(wire),
                keys.SEEN_DAYS * 86_400,
                self._pending_max,
                *flat,
            ],
        )
        return Written(what.decode(), index, int(position), endpoint.decode(), written, known)

    async def position(self, topic: str, partition: int) -> int | None:
        """The offset of the next record to write; None when there is none yet."""
        found = await self._redis.get(keys.position(topic, partition))
        return None if found is None else int(found)

    async def move(self, topic: str, partition: int, known: int | None, offset: int) -> bool:
        """Pass over offsets that the log does not hold. False when the position was another."""
        expected = "" if known is None else known
        return bool(
            await self._move(keys=[keys.position(topic, partition)], args=[expected, offset])
        )

    async def claim(self, endpoint: str, now_ms: int, count: int) -> Claimed:
        """Lease up to so many due deliveries of an endpoint."""
        lease_end_ms = now_ms + self._timing.lease_ms
        disabled, due, *flat = await self._run("claim", endpoint, [now_ms, lease_end_ms, count])
        claims = tuple(
            Claim(flat[at].decode(), unpack(flat[at + 1]), int(flat[at + 2]))
            for at in range(0, len(flat), 3)
        )
        return Claimed(disabled.decode(), int(float(due)), claims)

    async def release(self, endpoint: str, ids: Sequence[str], now_ms: int) -> None:
        """Give claims back at once, as nobody will finish them: a graceful stop."""
        if ids:
            (due,) = keys.keys(endpoint, ["due"])
            await self._redis.zadd(due, dict.fromkeys(ids, now_ms), xx=True)

    async def delivered(
        self, endpoint: str, id: str, now_ms: int, *, status: int, took_ms: int
    ) -> bool:
        """Forget it and count it. False when another worker had delivered it already."""
        args = [id, now_ms, status, took_ms, keys.LOG_ENTRIES_MAX]
        return bool(await self._run("delivered", endpoint, args))

    async def withheld(self, endpoint: str, id: str, now_ms: int, purpose: str) -> bool:
        """Forget it and count it: the person does not allow it. False when it was gone."""
        return bool(
            await self._run("withheld", endpoint, [id, now_ms, purpose, keys.LOG_ENTRIES_MAX])
        )

    async def failed(self, endpoint: str, claim: Claim, now_ms: int, failure: Failure) -> str:
        """Count the failure and set the next attempt. Returns why the endpoint is now disabled."""
        args = [
            claim.id,
            claim.failures,
            now_ms,
            failure.next_due_ms,
            failure.why,
            failure.took_ms,
            keys.LOG_ENTRIES_MAX,
            self._timing.failing_ms_max,
            failure.gone,
            failure.peace_until_ms,
        ]
        _, newly_disabled = await self._run("failed", endpoint, args)
        return str(newly_disabled.decode())

    async def bury(self, endpoint: str, id: str, now_ms: int, why: str) -> bool:
        """Move a delivery among the dead, after its dead letter was published."""
        oldest_ms = now_ms - keys.SEEN_DAYS * DAY_MS
        args = [id, now_ms, why, keys.LOG_ENTRIES_MAX, keys.DEAD_MAX, oldest_ms]
        return bool(await self._run("bury", endpoint, args))

    async def pending(self, endpoint: str) -> int:
        """How many deliveries wait, those in flight included."""
        (due,) = keys.keys(endpoint, ["due"])
        return int(await self._redis.zcard(due))

    async def disabled(self, endpoint: str) -> str:
        """Why the endpoint is disabled; empty when it is not."""
        (state,) = keys.keys(endpoint, ["ep"])
        found = await self._redis.hget(state, "disabled")
        return found.decode() if isinstance(found, bytes) else ""

    async def _run(self, name: str, endpoint: str, args: list[Any]) -> Any:
        return await self._scripts[name](keys=keys.keys(endpoint, NAMES[name]), args=args)


def _wire(delivery: Delivery, jobs: list[bytes]) -> tuple[str, str, str, str, int]:
    """A delivery with its job moved to the list of jobs, as enqueue.lua takes it."""
    endpoint, bucket, member, id, job = delivery
    if job:
        jobs.append(job)
    return endpoint, bucket, member, id, len(jobs) if job else 0
