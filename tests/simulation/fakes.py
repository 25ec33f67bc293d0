"""A fake log, store, topic and clock with the guarantees of Kafka and Redis, and no others."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from services.common.batch import Due, Output, Record
from services.common.ports import Commit, Outcome, Place, PublishFailed, StoreGone
from tests.simulation.scheduler import Worker


@dataclass
class Rules:
    """Each can be taken out, to show that the simulation notices."""

    check_places: bool = True
    check_reads: bool = True
    check_ids: bool = True
    check_newest: bool = True
    keep_slots: bool = True
    seek_to_store: bool = True
    fence: bool = True
    follow_assignments: bool = True
    forget_ahead: bool = True
    membership_of_then: bool = True


@dataclass
class Kept:
    """What the store holds: copied for a rollback to an earlier moment."""

    state: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)
    ids: dict[bytes, set[int]] = field(default_factory=dict)
    due: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def place(self, partition: int) -> Place:
        """Where a partition stands; nowhere yet, if nobody committed there."""
        return self.places.get(partition, Place(None, 0))


class World:
    """All that outlives a worker."""

    def __init__(self, dice: Random, partitions: int, rules: Rules) -> None:
        self.dice = dice
        self.rules = rules
        self.log: dict[int, list[Record]] = {p: [] for p in range(partitions)}
        self.kept = Kept()
        self.earlier: list[Kept] = []
        self.topic: list[Output] = []
        self.late: list[Output] = []
        #: Partition -> (its worker, the generation in which that one got it).
        self.owner: dict[int, tuple[str, int]] = {}
        self.generation = 0
        self.committed: dict[int, int] = {}
        self.now_us = 1_000
        self.calm = False
        self.connections = 0

    def fails(self, often: float) -> bool:
        """Whether an engine fails just now; in calm times none does, and no reset hides a fault."""
        return not self.calm and self.dice.random() < often

    def assign(self, owner: Mapping[int, str]) -> None:
        """A new generation of the group; who keeps a partition goes on with it undisturbed."""
        self.generation += 1
        for partition, name in owner.items():
            if self.owner.get(partition, ("", 0))[0] != name:
                self.owner[partition] = name, self.generation

    def remember(self) -> None:
        """A moment that the store may be thrown back to."""
        self.earlier.append(copy.deepcopy(self.kept))

    def roll_back(self) -> None:
        """The end of the append-only file is lost; every connection breaks."""
        if self.earlier:
            index = self.dice.randrange(max(0, len(self.earlier) - 3), len(self.earlier))
            self.kept = copy.deepcopy(self.earlier[index])
            del self.earlier[index + 1 :]
            self.connections += 1


def conflict_of(rules: Rules, kept: Kept, commit: Commit) -> bool:
    """Checks (b) and (c) of the commit script."""
    decision = commit.decision
    if rules.check_reads:
        for key, version in decision.reads.items():
            if kept.state.get(key, (0, b""))[0] != version:
                return True
    if rules.check_ids:
        return any(kept.ids.get(key, set()) & set(ids) for key, ids in decision.remembered.items())
    return False


def apply(rules: Rules, kept: Kept, commit: Commit) -> Outcome:
    """The commit script in Python; tests/contract holds it against the Lua."""
    decision = commit.decision
    if rules.check_places:
        moved = [
            index
            for index, move in enumerate(commit.moves)
            if kept.place(move.partition).text() != move.before.text()
        ]
        if moved:
            return Outcome("moved", moved)
    if rules.check_newest:
        stale = [
            index
            for index, output in enumerate(commit.checks)
            if kept.state.get(output.watch or b"", (0, b""))[0] != output.version
        ]
        if stale:
            return Outcome("stale", stale)
    if conflict_of(rules, kept, commit):
        return Outcome("conflict")
    kept.state.update(decision.writes)
    for key in decision.deletes:
        kept.state.pop(key, None)
    for key, ids in decision.remembered.items():
        kept.ids.setdefault(key, set()).update(ids)
    for (partition, member), at_us in decision.due.items():
        kept.due.pop((partition, member), None)
        if at_us is not None:
            kept.due[partition, member] = at_us
    for move in commit.moves:
        kept.places[move.partition] = move.after
    return Outcome("done")


class FakeStore:
    """One worker's connection to the store."""

    def __init__(self, world: World, worker: Worker) -> None:
        self._world, self._worker = world, worker
        self._connection = world.connections

    def places(self, partitions: Collection[int]) -> dict[int, Place]:
        self._arrive()
        found = {p: self._world.kept.place(p) for p in partitions}
        if not self._world.rules.keep_slots:
            return {p: Place(place.offset, place.commits) for p, place in found.items()}
        return found

    def moved(self, places: Mapping[int, Place]) -> list[int]:
        self._arrive()
        kept = self._world.kept
        return [p for p, place in places.items() if kept.place(p).text() != place.text()]

    def due(self, partitions: Collection[int], now_us: int) -> list[Due]:
        self._arrive()
        kept = sorted(self._world.kept.due.items())
        return [Due(p, m, at) for (p, m), at in kept if p in partitions and at <= now_us]

    def load(self, keys: Collection[bytes]) -> dict[bytes, tuple[int, bytes]]:
        self._arrive()
        return {key: self._world.kept.state.get(key, (0, b"")) for key in keys}

    def known(self, key: bytes, ids: Collection[int]) -> set[int]:
        self._arrive()
        return self._world.kept.ids.get(key, set()) & set(ids)

    def commit(self, commit: Commit) -> Outcome:
        self._arrive()
        outcome = apply(self._world.rules, self._world.kept, commit)
        if outcome.result == "done":
            self._world.remember()
            if self._world.fails(0.02):
                raise StoreGone("the commit happened, its answer got lost")
        return outcome

    def _arrive(self) -> None:
        self._worker.pass_here()
        if self._connection != self._world.connections or self._world.fails(0.01):
            self._connection = self._world.connections
            raise StoreGone("connection lost")


class FakeLog:
    """One worker's consumer."""

    def __init__(self, world: World, worker: Worker) -> None:
        self._world, self._worker = world, worker
        self._at: dict[int, int | None] = {}
        self._assignments: dict[int, int] = {}
        self._ahead: list[Record] = []
        self.generation = -1

    def take(self, timeout_s: float) -> list[Record]:
        taken, self._ahead = self._ahead, []
        return taken + self._next()

    def has_more(self) -> bool:
        return self._world.dice.random() < 0.5

    def take_ahead(self) -> list[Record]:
        self._ahead += self._next()
        return list(self._ahead)

    def _next(self) -> list[Record]:
        self.poll()
        taken = []
        for partition, at in self._at.items():
            if at is not None:
                records = self._world.log[partition][at : at + self._world.dice.randint(0, 4)]
                taken += records
                self._at[partition] = at + len(records)
        return taken

    def poll(self) -> None:
        """Hear of a rebalance. What was lost and given back waits to be sought again."""
        self._worker.pass_here()
        self.generation = self._world.generation
        before, me = self._assignments, self._worker.name
        owners = self._world.owner.items()
        self._assignments = {p: given for p, (name, given) in owners if name == me}
        still = {p for p, given in self._assignments.items() if before.get(p) == given}
        self._at = {p: self._at.get(p) if p in still else None for p in self._assignments}

    def assigned(self) -> Mapping[int, int]:
        if not self._world.rules.follow_assignments:
            return dict.fromkeys(self._assignments, 1)
        return dict(self._assignments)

    def at_end(self) -> frozenset[int]:
        log = self._world.log
        return frozenset(p for p, at in self._at.items() if at == len(log[p]))

    def seek(self, partition: int, offset: int | None) -> int:
        self._worker.pass_here()
        if not self._world.rules.seek_to_store:
            offset = self._world.committed.get(partition, 0)
        if self._world.rules.forget_ahead:
            self._ahead = [record for record in self._ahead if record.partition != partition]
        if partition in self._at:
            self._at[partition] = offset or 0
        return offset or 0


class FakePublisher:
    """Without the fence each output lands alone, maybe late; with it all land at once, or none."""

    def __init__(self, world: World, worker: Worker, log: FakeLog) -> None:
        self._world, self._worker, self._log = world, worker, log

    def membership(self) -> object:
        return self._log.generation

    def publish(
        self, outputs: Sequence[Output], positions: Mapping[int, int], membership: object
    ) -> None:
        if not self._world.rules.fence:
            self._one_by_one(outputs)
            return
        self._worker.pass_here()
        if not self._world.rules.membership_of_then:
            membership = self._log.generation
        if membership != self._world.generation or self._world.fails(0.02):
            raise PublishFailed("fenced, or Kafka is away")
        self._world.topic += outputs
        self._world.committed.update(positions)

    def _one_by_one(self, outputs: Sequence[Output]) -> None:
        for index, output in enumerate(outputs):
            try:
                self._worker.pass_here()
            except BaseException:
                # what the dead process had handed to the network may still arrive, at any time
                self._world.late += outputs[index : index + self._world.dice.randint(0, 2)]
                raise
            self._world.topic.append(output)
