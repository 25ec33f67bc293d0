"""The shadow: a second state, filled by the step and the handler of profile, publishing nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import redis

from services.common.batch import Batch, Decision, Output, Record
from services.common.ports import Observer, Parts, Positions, StoreGone
from services.common.redis_store import RedisStore
from services.common.relay import Relay
from services.common.settings import Settings
from services.common.staged_log import Ending, Stage, StagedLog
from services.common.step import Step
from services.common.workspace import Workspace
from services.profile.stream import SERVICE, ProfileHandler

#: What says that a database is a shadow, and of which code and rules.
MARK: Final = b"rebuild:mark"
_SOURCES: Final = Path(__file__).parents[1]
REWRITE_BEGUN_WITHIN_S: Final = 60.0

#: Told what is left to read.
Watch = Callable[[int], None]


class NotOurs(Exception):  # noqa: N818 - says what the database is
    """The database that was to be the shadow holds something else."""


class Silent:
    """A handler of which nothing is published. `touched`: keys that it has written since asked."""

    def __init__(self, handler: ProfileHandler) -> None:
        self._handler = handler
        self._touched: set[bytes] = set()
        self.refused = 0

    def prepare(self, records: Sequence[Record]) -> None:
        self._handler.prepare(records)

    def decide(self, batch: Batch) -> Decision:
        try:
            decision = self._handler.decide(batch)
        except redis.RedisError as error:
            raise StoreGone(f"Redis (--shadow): {error}") from error
        decision.outputs.clear()
        self._touched |= decision.writes.keys() | decision.plain.keys()
        self._touched.update(decision.deletes)
        return decision

    def newest(self, stale: Sequence[Output]) -> list[Output]:
        return []

    def taken_touched(self) -> set[bytes]:
        """What was written since the last question."""
        touched, self._touched = self._touched, set()
        return touched


class Nowhere:
    """A publisher that has nothing to publish: but for the dead letters of poison, counted here."""

    def __init__(self) -> None:
        self.poisoned = 0

    def membership(self) -> None:
        """Nobody is fenced here."""

    def publish(self, outputs: Sequence[Output], positions: Positions, membership: object) -> None:
        self.poisoned += len(outputs)


class Shadow:
    """`client`: the shadow's own database. `log`: touchpoints.accepted, read by nobody else.

    `stages`: where erasures and returns took effect, asked whenever it reads on.
    """

    def __init__(
        self,
        client: redis.Redis,
        log: Ending,
        workspaces: Mapping[str, Workspace],
        settings: Settings,
        stages: Callable[[], Sequence[Stage]] = tuple,
    ) -> None:
        self._log = StagedLog(log)
        self._stages = stages
        self._nowhere = Nowhere()
        self._handler = Silent(ProfileHandler(client, workspaces, settings))
        self._step = Step(
            Parts(
                service=SERVICE,
                log=self._log,
                store=RedisStore(client, SERVICE),
                publisher=self._nowhere,
                handler=self._handler,
                relay=Relay(),
                now_us=lambda: time.time_ns() // 1_000,
                observer=Observer(),
            )
        )

    @property
    def poisoned(self) -> int:
        """Records that this code could not decide on, since it was opened."""
        return self._nowhere.poisoned

    def follow(self, until: Mapping[int, int], watch: Watch = lambda _: None) -> set[bytes]:
        """Read to there, and nothing behind it; the keys that were written on the way."""
        self._log.read_until(until, self._stages())
        self._step.run_once()  # knows its place from then on
        while left := self._log.behind():
            watch(left)
            self._step.run_once()
        self._step.settle()
        return self._handler.taken_touched()


def claim(client: redis.Redis, mark: bytes, *, fresh: bool) -> bool:
    """Make the database a shadow of this mark; whether it goes on with what an earlier run read.

    NotOurs when it holds keys of somebody else, which nothing here may remove.
    """
    found = client.get(MARK)
    if found is None and client.dbsize():
        raise NotOurs(
            "the database that was to hold the shadow is not empty, and no shadow: name another "
            "one with --shadow redis://HOST:PORT/NUMBER"
        )
    if found == mark and not fresh:
        return True
    if found is not None:
        client.flushdb(asynchronous=True)
    client.set(MARK, mark)
    return False


def drop(client: redis.Redis) -> bool:
    """Remove the shadow, from Redis's append-only file too; whether there was one."""
    if client.get(MARK) is None:
        return False
    client.flushdb(asynchronous=True)
    client.set(MARK, b"dropped")  # a kill from here on: it is dropped again
    _write_file_anew(client)
    client.delete(MARK)
    return True


def _write_file_anew(client: redis.Redis) -> None:
    """The log still holds who was erased a while ago, so the shadow did, and the file does.

    Begun is enough: it holds what there is now. RedisError.
    """
    deadline = time.monotonic() + REWRITE_BEGUN_WITHIN_S
    while True:
        told: Any = client.info("persistence")
        if not told["aof_enabled"]:
            return
        if not told["aof_rewrite_in_progress"] and not told.get("aof_rewrite_scheduled"):
            client.bgrewriteaof()
            return
        if time.monotonic() > deadline:
            raise redis.TimeoutError("Redis is writing its append-only file anew: drop it later")
        time.sleep(0.2)


def mark_of(workspaces: Mapping[str, Workspace], salt: str, cluster: str) -> bytes:
    """Another code of profile, other rules, another salt or Kafka: another shadow."""
    digest = blake2b(digest_size=16)
    for path in sorted(_SOURCES.rglob("*.py")):
        digest.update(path.read_bytes())
    for name, workspace in sorted(workspaces.items()):
        digest.update(f"{name}\0{workspace.identity!r}\0{workspace.currency}".encode())
    digest.update(f"{salt}\0{cluster}".encode())
    return digest.hexdigest().encode()
