"""Accounts in memory: workers that decide side by side, and what a compacted topic would hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, cast
from uuid import UUID

import redis

from schemas.account import Account
from schemas.base import to_json
from schemas.profile import (
    AccountMembership,
    AccountTrait,
    Behaviour,
    OpenComplaint,
    Profile,
    Purchases,
    Service,
)
from services.common.batch import Batch, Decision, Output, Record, unpack_state
from services.common.workspace import Workspace
from services.profile.accounts.stream import AccountsHandler
from tests.reference.accounts import Facts, facts_of_account
from tests.unit.profile_builders import SETTINGS, START, WORKSPACE, MemoryRedis

PARTITIONS = 4


def person(number: int) -> UUID:
    """The profile id of a person."""
    return UUID(int=0x0123456789ABCDEF0123456789ABCDEF * (number + 1) % (1 << 128))


def member(*accounts: str, **said: Any) -> tuple[AccountMembership, ...]:
    """member("acme") belongs to it since START."""
    since = said.pop("since", START)
    return tuple(AccountMembership(account_id=one, since=since, **said) for one in accounts)


def word(value: Any, at_s: int = 0, stamp: int = 0) -> AccountTrait:
    at = START + timedelta(seconds=at_s)
    return AccountTrait(value=value, source="crm", at=at, stamp=f"{stamp:016x}")


def snapshot(number: int, version: int, **facts: Any) -> Profile:
    """A person's snapshot; `seen` in days from START, `spent` in cents."""
    seen, spent = facts.pop("seen", (0, 0)), facts.pop("spent", 0)
    complaints = facts.pop("complaints", ())
    bought = Purchases(orders=bool(spent), revenue=f"{spent / 100:.2f}", refunded="0.00")
    return Profile(
        workspace="demo",
        profile_id=person(number),
        version=version,
        updated_at=START,
        first_seen_at=START + timedelta(days=seen[0]),
        last_seen_at=START + timedelta(days=seen[1]),
        behaviour=Behaviour(events=3),
        purchases=facts.pop("purchases", bought),
        service=Service(
            complaints=len(complaints), open_complaints=complaints, **facts.pop("service", {})
        ),
        **facts,
    )


def complaint(day: int, severity: int) -> OpenComplaint:
    return OpenComplaint(
        complaint_id=f"C{day}",
        received_at=START + timedelta(days=day),
        severity=severity,
        event_id=person(day),
    )


def redirect(number: int, version: int, into: int) -> Profile:
    """What stands under the id of a person who joined another one."""
    return Profile(
        workspace="demo",
        profile_id=person(number),
        version=version,
        updated_at=START,
        merged_into=person(into),
    )


@dataclass
class Worker:
    """A worker with the partitions that it reads, and the batch that it has decided on."""

    handler: AccountsHandler
    partitions: list[int]
    pending: tuple[list[Record], Decision] | None = None


@dataclass
class AccountsWorld:
    """Workers over one Redis; `topic`: the newest that was published under each key."""

    workers: int = 1
    leaf_max: int = 64
    workspace: Workspace = WORKSPACE
    redis: MemoryRedis = field(default_factory=MemoryRedis)
    logs: dict[int, list[Record]] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    topic: dict[bytes, Output] = field(default_factory=dict)
    conflicts: int = 0
    now_us: int = int(START.timestamp()) * 1_000_000

    def __post_init__(self) -> None:
        self.logs = {partition: [] for partition in range(PARTITIONS)}
        self.places = dict.fromkeys(range(PARTITIONS), 0)
        self.crew = [
            Worker(self.handler(), list(range(number, PARTITIONS, self.workers)))
            for number in range(self.workers)
        ]

    def handler(self) -> AccountsHandler:
        """A new one: what a worker is after a restart."""
        client = cast(redis.Redis, self.redis)
        return AccountsHandler(client, {"demo": self.workspace}, SETTINGS, self.leaf_max)

    def append(self, *values: Profile | bytes) -> None:
        """To the log, each profile in a partition of its own."""
        for value in values:
            raw = value if isinstance(value, bytes) else to_json(value)
            key = str(Profile.model_validate_json(raw).profile_id).encode() if raw else b""
            log = self.logs[sum(key) % PARTITIONS]
            record = Record("profiles.changed", sum(key) % PARTITIONS, len(log), key, raw)
            log.append(record)

    def take(self, *values: Profile | bytes) -> list[Output]:
        """Append, and carry through; what was published."""
        before = len(self.outputs)
        self.append(*values)
        self.drain(Random(1), 10_000)
        return self.outputs[before:]

    def drain(self, dice: Random, batch: int) -> None:
        """Workers decide and commit in any order, until nothing is left; now and then one is
        restarted and forgets what it has decided on."""
        while True:
            busy = [one for one in self.crew if one.pending or self._left(one.partitions)]
            if not busy:
                return
            worker = dice.choice(busy)
            if worker.pending is None:
                self._decide(worker, self._next(worker, dice, batch))
            elif dice.random() < 0.1:
                worker.pending, worker.handler = None, self.handler()
            else:
                self._commit(worker)

    def _left(self, partitions: Iterable[int]) -> list[int]:
        return [one for one in partitions if self.places[one] < len(self.logs[one])]

    def _next(self, worker: Worker, dice: Random, batch: int) -> list[Record]:
        records: list[Record] = []
        for partition in self._left(worker.partitions):
            place = self.places[partition]
            records += self.logs[partition][place : place + dice.randint(1, batch)]
        return records

    def _decide(self, worker: Worker, records: list[Record]) -> None:
        self.now_us += 1_000
        worker.pending = records, worker.handler.decide(Batch(records, (), self.now_us))

    def _commit(self, worker: Worker) -> None:
        assert worker.pending is not None
        records, decision = worker.pending
        worker.pending = None
        for key, version in decision.reads.items():
            found = self.redis.values.get(key)
            if (unpack_state(found)[0] if found else 0) != version:
                self.conflicts += 1
                assert self.conflicts < 1_000, "a batch is decided again and again"
                self._decide(worker, records)
                return
        self.redis.commit(decision)
        decision.committed()
        for record in records:
            self.places[record.partition] = record.offset + 1
        for output in [one for those in decision.outputs.values() for one in those]:
            self._publish(output)

    def _publish(self, output: Output) -> None:
        self.outputs.append(output)
        if output.topic == "accounts.changed":
            known = self.topic.get(output.key)
            assert known is None or known.version < output.version, "versions grow"
            self.topic[output.key] = output

    def shown(self) -> dict[str, Facts]:
        """Account id -> facts, of the accounts that are not gone."""
        found = [Account.model_validate_json(one.value) for one in self.topic.values()]
        return {one.account_id: facts_of_account(one) for one in found if not one.gone}

    def nodes(self) -> int:
        """How many nodes of trees there are in Redis."""
        return sum(key.startswith(b"pt:") for key in self.redis.values)


def newest(history: Sequence[Profile]) -> list[Profile]:
    """Everybody's newest snapshot."""
    found: dict[UUID, Profile] = {}
    for one in history:
        known = found.get(one.profile_id)
        if known is None or one.version > known.version:
            found[one.profile_id] = one
    return list(found.values())
