"""profiles.changed → accounts.changed"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import redis

from schemas.dead_letter import Reason
from schemas.topics import ACCOUNTS
from services.common.batch import Batch, Decision, Output, Record, Undecidable, next_version
from services.common.dead_letters import dead_letter
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.profile.accounts.messages import (
    Snapshot,
    SnapshotWithTraits,
    contributions,
    read,
    read_with_traits,
)
from services.profile.accounts.naming import AccountNames
from services.profile.accounts.publish import AccountPublications
from services.profile.accounts.store import (
    STRANGER,
    AccountStore,
    Root,
    node_body,
    node_key,
    person_body,
    person_key,
    root_body,
)
from services.profile.domain.ids import uuid_bytes
from services.profile.domain.member_tree import LEAF_MAX, ROOT, MemberTree
from services.profile.domain.memberships import Told
from services.profile.domain.rollup import Rollup
from services.profile.metrics import AccountCounts

SERVICE: Final = "profile.accounts"


@dataclass(slots=True)
class Task:
    """What a batch changes about an account. `account_id`: its name, if anybody contributes."""

    workspace: str
    partition: int
    account_id: str = ""
    people: dict[bytes, Rollup | None] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)


class Contribution(NamedTuple):
    """What somebody contributes to an account, which is named so."""

    account_id: str
    rollup: Rollup


class Arrival(msgspec.Struct, gc=False):
    """A person's newest snapshot of a batch with the record it came in.

    `belonged`: some snapshot of the batch names an account. Then the person is remembered, so that
    this one, when it comes again, is known to be an old one.
    """

    record: Record
    snapshot: Snapshot
    belonged: bool


@dataclass(slots=True)
class Deciding:
    """One decision while it is made."""

    batch: Batch
    decision: Decision = field(default_factory=Decision)
    counts: AccountCounts = field(default_factory=AccountCounts)

    def publish(self, partition: int, output: Output) -> None:
        """With what else is published with an input partition."""
        self.decision.outputs.setdefault(partition, []).append(output)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a record becomes a dead letter."""

    reason: Reason
    detail: str


class AccountsHandler:
    """Brings accounts to the atomic step. What is kept is a function of the newest snapshots."""

    def __init__(
        self,
        client: redis.Redis,
        workspaces: Mapping[str, Workspace],
        settings: Settings,
        leaf_max: int = LEAF_MAX,
    ) -> None:
        self._store = AccountStore(client)
        self._workspaces = workspaces
        self._names = AccountNames(settings.salt)
        self._publications = AccountPublications({n: w.currency for n, w in workspaces.items()})
        self._leaf_max = leaf_max
        self._household_traits = {n: w.household_traits for n, w in workspaces.items()}
        self._read_value = read_with_traits if any(self._household_traits.values()) else read

    def prepare(self, records: Sequence[Record]) -> None:
        """Nothing: reading snapshots is a small part of deciding on them."""

    def decide(self, batch: Batch) -> Decision:
        """Load what the people of the batch contribute to, change it, show what it comes to."""
        deciding = Deciding(batch)
        tasks = self._tasks(self._newest_of(deciding), deciding)
        trees = {account: MemberTree(one.people, self._leaf_max) for account, one in tasks.items()}
        loaded = self._store.load(trees)
        deciding.decision.reads |= loaded.versions
        for account, task in tasks.items():
            try:
                trees[account].change()
                task.account_id = task.account_id or loaded.names.get(account, "")
                self._conclude(account, task, trees[account], deciding)
            except Exception as error:
                raise Undecidable(task.records) from error
        deciding.decision.committed = deciding.counts.publish
        return deciding.decision

    def newest(self, stale: Sequence[Output]) -> list[Output]:
        """What Redis shows now under the ids of stale snapshots."""
        accounts = [uuid_bytes(one.key.decode()) for one in stale if one.topic == ACCOUNTS.name]
        found = self._store.roots(list(dict.fromkeys(accounts)))
        return [
            self._publications.shown(account, version, root)
            for account, (version, root) in found.items()
        ]

    # -- whose contributions change ------------------------------------------------------------

    def _newest_of(self, deciding: Deciding) -> dict[bytes, Arrival]:
        """Profile id -> its newest snapshot of the batch."""
        newest: dict[bytes, Arrival] = {}
        for record in deciding.batch.records:
            found = self._read(record)
            if isinstance(found, Refused):
                deciding.counts.refuse(found.reason)
                letter = _letter(record, found, deciding.batch.taken_at_us)
                deciding.publish(record.partition, letter)
                continue
            profile = found.profile_id.bytes
            known, belongs = newest.get(profile), self._belongs(found)
            if known is None:
                newest[profile] = Arrival(record, found, belongs)
                continue
            known.belonged |= belongs
            if found.version > known.snapshot.version:
                known.record, known.snapshot = record, found
        return newest

    def _read(self, record: Record) -> Snapshot | Refused:
        try:
            snapshot = self._read_value(record.value)
        except msgspec.ValidationError as error:
            return Refused(Reason.BAD_PROPERTIES, str(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Refused(Reason.MALFORMED_JSON, str(error))
        if snapshot.workspace not in self._workspaces:
            return Refused(Reason.UNKNOWN_WORKSPACE, f"no workspace {snapshot.workspace!r}")
        return snapshot

    def _belongs(self, snapshot: Snapshot) -> bool:
        """Whether it says anything of an account."""
        return bool(snapshot.memberships) or self._household(snapshot) is not None

    def _household(self, snapshot: Snapshot) -> tuple[str, Told] | None:
        """The id of the household that the person's traits make, and the word that makes it one."""
        if not isinstance(snapshot, SnapshotWithTraits):
            return None
        found = snapshot.household(self._household_traits[snapshot.workspace])
        if found is None:
            return None
        return self._names.household(snapshot.workspace, found.shared), found.kind

    def _tasks(self, arrivals: Mapping[bytes, Arrival], deciding: Deciding) -> dict[bytes, Task]:
        """Account -> what changes in it."""
        known = self._store.persons(arrivals)
        tasks: dict[bytes, Task] = {}
        for profile, arrival in arrivals.items():
            person = known.get(profile, STRANGER)
            if person is STRANGER and not arrival.belonged:
                continue
            version = arrival.snapshot.version
            if version <= person.version:
                deciding.counts.outdated += 1
                continue
            try:
                mine = self._contributions(arrival)
            except Exception as error:
                raise Undecidable([arrival.record]) from error
            for account, contribution in mine.items():
                _add(tasks, account, arrival, contribution)
            for account in person.accounts - mine.keys():
                _add(tasks, account, arrival, None)
            key = person_key(profile)
            deciding.decision.reads[key] = person.version
            deciding.decision.writes[key] = (version, person_body(mine))
            deciding.counts.people += 1
        return tasks

    def _contributions(self, arrival: Arrival) -> dict[bytes, Contribution]:
        """Account -> what the person contributes to it now."""
        workspace = arrival.snapshot.workspace
        household = self._household(arrival.snapshot)
        found = contributions(arrival.snapshot, arrival.record.value, household)
        return {
            self._names.profile(workspace, account_id): Contribution(account_id, rollup)
            for account_id, rollup in found.items()
        }

    # -- what they come to ---------------------------------------------------------------------

    def _conclude(self, account: bytes, task: Task, tree: MemberTree, deciding: Deciding) -> None:
        """Write the nodes that changed, and show what the root comes to."""
        decision, now_us = deciding.decision, deciding.batch.taken_at_us
        for path in tree.changed - {ROOT}:
            key, node = node_key(account, path), tree.nodes[path]
            before = decision.reads.setdefault(key, 0)  # a new one was not read
            if node.size:
                decision.writes[key] = (next_version(before, now_us), node_body(node))
            elif before:
                decision.deletes.append(key)
        if ROOT not in tree.changed:
            return
        node = tree.nodes[ROOT]
        root = Root(task.workspace, task.account_id if node.size else "", node)
        key = node_key(account)
        version = next_version(decision.reads[key], now_us)
        decision.writes[key] = (version, root_body(root))
        deciding.publish(task.partition, self._publications.shown(account, version, root))
        deciding.counts.accounts += 1


def _add(
    tasks: dict[bytes, Task], account: bytes, arrival: Arrival, contribution: Contribution | None
) -> None:
    snapshot = arrival.snapshot
    task = tasks.get(account)
    if task is None:
        task = tasks[account] = Task(snapshot.workspace, arrival.record.partition)
    task.records.append(arrival.record)
    profile = snapshot.profile_id.bytes
    if contribution is None:
        task.people[profile] = None
    else:
        task.account_id = contribution.account_id
        task.people[profile] = contribution.rollup


def _letter(record: Record, refused: Refused, now_us: int) -> Output:
    return dead_letter(
        record,
        service=SERVICE,
        workspace="unknown",
        reason=refused.reason,
        detail=refused.detail,
        now_us=now_us,
    )
