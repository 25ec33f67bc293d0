"""The step's store in Redis: places, slots and due times by partition, and the one atomic commit.

Keys, for a service and its input topic: p:<service>:<partition> place, o:<service>:<partition>
outbox slot, t:<service>:<partition> due times (sorted set, µs since 1970).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import redis

from services.common.batch import VERSION_BYTES, Decision, Due, Output, pack_state
from services.common.ports import Commit, Move, Outcome, Place, Result, StoreGone

Answer = TypeVar("Answer")

#: Message ids are remembered for their own week and the next: at least 7 days, with a day over.
IDS_KEPT_S = 15 * 86_400
DUE_MAX = 1_000
_SCRIPT = Path(__file__).with_name("commit.lua").read_bytes()
_encode = msgspec.msgpack.Encoder().encode


class RedisStore:
    """One service's places and commits. `replicas` > 0: a commit waits for so many (WAIT)."""

    def __init__(
        self, client: redis.Redis, service: str, *, has_due: bool = False, replicas: int = 0
    ) -> None:
        self._client = client
        self._service = service.encode()
        self._has_due = has_due
        self._replicas = replicas
        self._sha: str | None = None

    def places(self, partitions: Collection[int]) -> dict[int, Place]:
        """Place and slot of each partition."""
        keys = [key for p in partitions for key in (self._key(b"p", p), self._key(b"o", p))]
        values = self._ask(lambda: self._client.mget(keys))
        pairs = zip(partitions, values[::2], values[1::2], strict=True)
        return {partition: _place(place, slot) for partition, place, slot in pairs}

    def due(self, partitions: Collection[int], now_us: int) -> list[Due]:
        """Members whose moment has come, at most DUE_MAX a partition."""
        if not self._has_due or not partitions:
            return []
        asked = self._client.pipeline(transaction=False)
        for partition in partitions:
            asked.zrangebyscore(
                self._key(b"t", partition), "-inf", now_us, start=0, num=DUE_MAX, withscores=True
            )
        answers = self._ask(asked.execute)
        return [
            Due(partition, member, int(at_us))
            for partition, members in zip(partitions, answers, strict=True)
            for member, at_us in members
        ]

    def commit(self, commit: Commit) -> Outcome:
        """Check and write everything in one Lua call, or nothing."""
        packed = _encode(
            {
                "places": [self._packed_move(move) for move in commit.moves],
                "checks": [_packed_check(output) for output in commit.checks],
                "ids_ttl_s": IDS_KEPT_S,
                "due": self._packed_due(commit.decision),
                **_packed_decision(commit.decision),
            }
        )
        result, found = self._ask(lambda: self._call(packed))
        if self._replicas and result == b"done":
            self._wait_for_replicas()
        return Outcome(cast(Result, result.decode()), found)

    def _packed_due(self, decision: Decision) -> list[tuple[bytes, bytes, bytes]]:
        return [
            (self._key(b"t", partition), member, b"" if at_us is None else b"%d" % at_us)
            for (partition, member), at_us in decision.due.items()
        ]

    def _packed_move(self, move: Move) -> tuple[bytes, ...]:
        place, slot = self._key(b"p", move.partition), self._key(b"o", move.partition)
        return (place, move.before.text(), move.after.text(), slot, move.after.slot)

    def _call(self, packed: bytes) -> Any:
        if self._sha is None:
            self._sha = str(self._client.script_load(_SCRIPT))
        try:
            return self._client.evalsha(self._sha, 0, cast(str, packed))
        except redis.exceptions.NoScriptError:  # Redis was restarted; nothing has run
            self._client.script_load(_SCRIPT)
            return self._client.evalsha(self._sha, 0, cast(str, packed))

    def _wait_for_replicas(self) -> None:
        reached = self._ask(lambda: self._client.wait(self._replicas, 5_000))
        if int(reached) < self._replicas:
            raise StoreGone(f"a commit reached {reached} of {self._replicas} replicas in 5 s")

    def _ask(self, question: Callable[[], Answer]) -> Any:
        try:
            return question()
        except redis.RedisError as error:
            raise StoreGone(f"Redis (RAPPORT_REDIS): {error}") from error

    def _key(self, letter: bytes, partition: int) -> bytes:
        return b"%s:%s:%d" % (letter, self._service, partition)


def _place(text: bytes | None, slot: bytes | None) -> Place:
    if text is None:
        return Place(None, 0)
    offset, commits = text.split(b":")
    return Place(None if offset == b"-1" else int(offset), int(commits), slot or b"")


def _packed_check(output: Output) -> tuple[bytes, bytes]:
    return (output.watch or b"", output.version.to_bytes(VERSION_BYTES, "big"))


def _packed_version(version: int) -> bytes:
    return version.to_bytes(VERSION_BYTES, "big") if version else b""


def _packed_decision(decision: Decision) -> dict[str, Sequence[object]]:
    writes = [(key, pack_state(*state)) for key, state in decision.writes.items()]
    return {
        "reads": [(key, _packed_version(version)) for key, version in decision.reads.items()],
        # ids go as text: Lua's numbers are doubles and would lose the low bits
        "ids": [(k, [b"%d" % i for i in ids]) for k, ids in decision.remembered.items()],
        "writes": [*writes, *decision.plain.items()],
        "deletes": decision.deletes,
    }
