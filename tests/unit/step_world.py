"""The world of a step that its unit tests make: a log, a store and a handler to build on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from services.common.batch import Batch, Decision, Due, Output, Record
from services.common.ports import Commit, Observer, Outcome, Parts, Place
from tests.simulation.schedule import Inline

LAST = 4


class Log:
    """Two partitions of records 0 to LAST; `sought` says where reading was started again."""

    def __init__(self) -> None:
        self.at: dict[int, int | None] = {0: None, 1: None}
        self.sought: list[tuple[int, int]] = []
        self.assignment = 1

    def take(self, timeout_s: float) -> list[Record]:
        taken = []
        for partition, at in self.at.items():
            if at is not None:
                offsets = range(at, LAST + 1)
                taken += [Record("in", partition, offset, b"k", b"v") for offset in offsets]
                self.at[partition] = LAST + 1
        return taken

    def has_more(self) -> bool:
        return False

    def take_ahead(self) -> list[Record]:
        return []

    def assigned(self) -> Mapping[int, int]:
        return dict.fromkeys(self.at, self.assignment)

    def at_end(self) -> frozenset[int]:
        return frozenset()

    def seek(self, partition: int, offset: int | None) -> int:
        self.at[partition] = offset or 0
        self.sought.append((partition, offset or 0))
        return offset or 0


class Backlog(Log):
    """Brings one record of each partition at a time, and always has more."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead: list[Record] = []

    def take(self, timeout_s: float) -> list[Record]:
        taken, self.ahead = self.ahead, []
        return taken or self._next()

    def has_more(self) -> bool:
        return True

    def take_ahead(self) -> list[Record]:
        self.ahead += self._next()
        return list(self.ahead)

    def _next(self) -> list[Record]:
        taken = []
        for partition, at in self.at.items():
            if at is not None and at <= LAST:
                taken.append(Record("in", partition, at, b"k", b"v"))
                self.at[partition] = at + 1
        return taken


class Store:
    """Takes every commit but the `refused` one: another worker has moved on in its partitions."""

    def __init__(self, refused: int = 0) -> None:
        self.kept: dict[int, Place] = {}
        self.commits = 0
        self._refused = refused

    def places(self, partitions: Collection[int]) -> dict[int, Place]:
        return {p: self.kept.get(p, Place(None, 0)) for p in partitions}

    def moved(self, places: Mapping[int, Place]) -> list[int]:
        kept = {p: self.kept.get(p, Place(None, 0)) for p in places}
        return [p for p, place in places.items() if kept[p].text() != place.text()]

    def due(self, partitions: Collection[int], now_us: int) -> list[Due]:
        return []

    def commit(self, commit: Commit) -> Outcome:
        self.commits += 1
        if self.commits == self._refused:
            return Outcome("moved", [0])
        self.kept |= {move.partition: move.after for move in commit.moves}
        return Outcome("done")


class Publisher:
    def __init__(self) -> None:
        self.published: list[Output] = []

    def membership(self) -> object:
        return None

    def publish(
        self, outputs: Sequence[Output], positions: Mapping[int, int], membership: object
    ) -> None:
        self.published += outputs


class Remembering:
    """Remembers what it decided on. A `poison` (partition, offset) can not be."""

    def __init__(self, poison: tuple[int, int] | None = None) -> None:
        self.decided: list[tuple[int, int]] = []
        self._poison = poison

    def prepare(self, records: Sequence[Record]) -> None:
        """Nothing."""

    def decide(self, batch: Batch) -> Decision:
        places = [(record.partition, record.offset) for record in batch.records]
        if self._poison in places:
            raise ValueError("poison")
        self.decided += places
        return Decision()

    def newest(self, stale: Sequence[Output]) -> list[Output]:
        return []


def parts(
    log: Log,
    store: Store,
    *,
    publisher: Publisher | None = None,
    handler: Remembering | None = None,
    now_us: Callable[[], int] = lambda: 1,
) -> Parts:
    """A step's parts over these fakes."""
    handler, publisher = handler or Remembering(), publisher or Publisher()
    return Parts("test", log, store, publisher, handler, Inline(), now_us, Observer())
