"""A batch that no decision can be made on is halved; a take-over in the middle loses none of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from services.common.batch import Batch, Decision, Due, Output, Record
from services.common.ports import Commit, Outcome, Place
from services.common.step import Observer, Parts, Step
from tests.simulation.schedule import Inline

LAST = 4


class Log:
    """Two partitions of records 0 to LAST; `sought` says where reading was started again."""

    def __init__(self) -> None:
        self.at: dict[int, int | None] = {0: None, 1: None}
        self.sought: list[tuple[int, int]] = []

    def take(self, timeout_s: float) -> list[Record]:
        taken = []
        for partition, at in self.at.items():
            if at is not None:
                offsets = range(at, LAST + 1)
                taken += [Record("in", partition, offset, b"k", b"v") for offset in offsets]
                self.at[partition] = LAST + 1
        return taken

    def assigned(self) -> frozenset[int]:
        return frozenset(self.at)

    def at_end(self) -> frozenset[int]:
        return frozenset()

    def seek(self, partition: int, offset: int | None) -> int:
        self.at[partition] = offset or 0
        self.sought.append((partition, offset or 0))
        return offset or 0


class Store:
    """Takes every commit but the first: another worker has moved on in its partitions."""

    def __init__(self) -> None:
        self.kept: dict[int, Place] = {}
        self.commits = 0

    def places(self, partitions: Collection[int]) -> dict[int, Place]:
        return {p: self.kept.get(p, Place(None, 0)) for p in partitions}

    def due(self, partitions: Collection[int], now_us: int) -> list[Due]:
        return []

    def commit(self, commit: Commit) -> Outcome:
        self.commits += 1
        if self.commits == 1:
            return Outcome("moved", [0])
        self.kept |= {move.partition: move.after for move in commit.moves}
        return Outcome("done")


class Publisher:
    def publish(self, outputs: Sequence[Output], positions: Mapping[int, int]) -> None:
        """Nothing is published here."""


class Poisoned:
    """Offset 1 of partition 0 is poison; remembers what it decided on."""

    def __init__(self) -> None:
        self.decided: list[tuple[int, int]] = []

    def decide(self, batch: Batch) -> Decision:
        places = [(record.partition, record.offset) for record in batch.records]
        if (0, 1) in places:
            raise ValueError("poison")
        self.decided += places
        return Decision()

    def newest(self, stale: Sequence[Output]) -> list[Output]:
        return []


def test_every_partition_of_a_halved_batch_is_read_again_after_a_take_over() -> None:
    log, store, handler = Log(), Store(), Poisoned()
    parts = Parts("test", log, store, Publisher(), handler, Inline(), lambda: 1, Observer())
    step = Step(parts)
    for _ in range(20):
        step.run_once()
    wanted = {(partition, offset) for partition in (0, 1) for offset in range(LAST + 1)}
    assert set(handler.decided) == wanted - {(0, 1)}
    assert log.sought.count((1, 0)) == 2, "adopted at the start and after the take-over"
