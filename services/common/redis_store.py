"""The step's store in Redis: places, slots and due times by partition, and the one atomic commit.

Keys, for a service and its input topic: p:<service>:<partition> place, o:<service>:<partition>
outbox slot, t:<service>:<partition> due times (sorted set, µs since 1970), d:<service> what was
noted of decisions (hash: field -> {"before": {partition: offset}, "after": ...}).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import redis

from services.common.batch import VERSION_BYTES, Decision, Due, pack_state
from services.common.ports import Commit, Move, Outcome, Place, Result, StoreGone

Answer = TypeVar("Answer")

#: Message ids are remembered for their own week and the next: at least 7 days, with a day over.
IDS_KEPT_S = 15 * 86_400
DUE_MAX = 1_000
#: Redis before 7 closes the connection on a command of more than 2**20 arguments.
ARGUMENTS_MAX = 1_000_000
_SCRIPT = Path(__file__).with_name("commit.lua").read_bytes()


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

    def offsets(self, partitions: Collection[int]) -> dict[int, int]:
        """The next offset of each, without its slot, which may be large; 0: it was never read."""
        asked = list(partitions)
        texts = self._ask(lambda: self._client.mget([self._key(b"p", p) for p in asked]))
        pairs = zip(asked, texts, strict=True)
        return {partition: _place(text, None).offset or 0 for partition, text in pairs}

    def moved(self, places: Mapping[int, Place]) -> list[int]:
        """The partitions whose place is not the one given."""
        texts = self._ask(lambda: self._client.mget([self._key(b"p", p) for p in places]))
        pairs = zip(places.items(), texts, strict=True)
        return [partition for (partition, place), text in pairs if place.text() != (text or b"")]

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
        arguments = self._arguments(commit)
        if len(arguments) > ARGUMENTS_MAX:
            return Outcome("large")
        result, found = self._ask(lambda: self._call(arguments))
        if self._replicas and result == b"done":
            self._wait_for_replicas()
        return Outcome(cast(Result, result.decode()), found)

    def _arguments(self, commit: Commit) -> list[bytes | int]:
        """The script's ARGV: counts, then items, flat (see commit.lua)."""
        decision = commit.decision
        counts = (
            len(commit.moves),
            len(commit.checks),
            len(decision.reads),
            len(decision.remembered),
            len(decision.writes) + len(decision.plain),
            len(decision.deletes),
            len(decision.due),
            len(decision.notes),
        )
        arguments: list[bytes | int] = [*counts, IDS_KEPT_S]
        for move in commit.moves:
            arguments += self._packed_move(move)
        for output in commit.checks:
            arguments += (output.watch or b"", output.version.to_bytes(VERSION_BYTES, "big"))
        _append_decision(arguments, decision)
        for (partition, member), at_us in decision.due.items():
            arguments += (self._key(b"t", partition), member, b"" if at_us is None else at_us)
        for name in decision.notes:
            arguments += (decided_key(self._service), name, b"p:%b:" % self._service)
        return arguments

    def _packed_move(self, move: Move) -> tuple[bytes, ...]:
        place, slot = self._key(b"p", move.partition), self._key(b"o", move.partition)
        return (place, move.before.text(), move.after.text(), slot, move.after.slot)

    def _call(self, arguments: list[bytes | int]) -> Any:
        if self._sha is None:
            self._sha = str(self._client.script_load(_SCRIPT))
        try:
            return self._run(arguments)
        except redis.exceptions.NoScriptError:  # Redis was restarted; nothing has run
            self._client.script_load(_SCRIPT)
            return self._run(arguments)

    def _run(self, arguments: list[bytes | int]) -> Any:
        run: Callable[..., Any] = self._client.execute_command
        return run("EVALSHA", self._sha, 0, *arguments)

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


def decided_key(service: bytes) -> bytes:
    """The hash of what a service's decisions have noted."""
    return b"d:" + service


def _place(text: bytes | None, slot: bytes | None) -> Place:
    if text is None:
        return Place(None, 0)
    offset, commits = text.split(b":")
    return Place(None if offset == b"-1" else int(offset), int(commits), slot or b"")


def _append_decision(arguments: list[bytes | int], decision: Decision) -> None:
    for key, version in decision.reads.items():
        arguments += (key, version.to_bytes(VERSION_BYTES, "big") if version else b"")
    for key, ids in decision.remembered.items():
        arguments += (key, len(ids))
        arguments += ids
    for key, state in decision.writes.items():
        arguments += (key, pack_state(*state))
    for key, value in decision.plain.items():
        arguments += (key, value)
    arguments += decision.deletes
