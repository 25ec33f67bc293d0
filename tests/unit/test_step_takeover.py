"""Another worker has a partition meanwhile: nothing is lost, and nothing waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

import pytest

from services.common.batch import Batch, Decision, Due, Output, Record
from services.common.ports import VERIFY_EVERY_US, Commit, LogGone, Observer, Outcome, Parts, Place
from services.common.relay import Relay
from services.common.slot import pack
from services.common.step import Step
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


def test_every_partition_of_a_parted_batch_is_read_again_after_a_take_over() -> None:
    log, store, handler = Log(), Store(refused=1), Remembering(poison=(0, 1))
    step = Step(parts(log, store, handler=handler))
    for _ in range(20):
        step.run_once()
    wanted = {(partition, offset) for partition in (0, 1) for offset in range(LAST + 1)}
    assert set(handler.decided) == wanted - {(0, 1)}
    assert log.sought.count((1, 0)) == 2, "adopted at the start and after the take-over"


def test_a_partition_lost_and_given_back_within_one_take_is_sought_again() -> None:
    log, store, handler = Log(), Store(), Remembering()
    step = Step(parts(log, store, handler=handler))
    step.run_once()
    log.at[1], log.assignment = None, 2  # as after a pause that outlasted the session
    store.kept[1] = Place(2, 9)  # whoever had it meanwhile went back with Redis
    step.run_once()
    assert log.sought[-2:] == [(0, LAST + 1), (1, 2)]
    step.run_once()
    assert [place for place in handler.decided if place[0] == 1][-3:] == [(1, 2), (1, 3), (1, 4)]


def test_what_a_fenced_worker_left_in_a_resting_partition_is_published() -> None:
    store, publisher, clock = Store(), Publisher(), [1]
    step = Step(parts(Log(), store, publisher=publisher, now_us=lambda: clock[0]))
    for _ in range(3):
        step.run_once()
    left = Output("alerts.raised", b"key", b"value")
    place = store.kept[0]
    store.kept[0] = replace(place, commits=place.commits + 1, slot=pack([left]))
    step.run_once()
    assert publisher.published == []
    clock[0] += VERIFY_EVERY_US
    for _ in range(2):
        step.run_once()
    assert publisher.published == [left]
    assert store.kept[0].slot == b"", "published, checked, freed"


def test_a_full_slot_is_claimed_before_it_is_published() -> None:
    store, publisher = Store(), Publisher()
    store.kept[0] = before = Place(2, 7, pack([Output("profiles.changed", b"key", b"value")]))
    seen: list[Place] = []

    class Watching(Publisher):
        def publish(
            self, outputs: Sequence[Output], positions: Mapping[int, int], membership: object
        ) -> None:
            seen.append(store.kept[0])
            publisher.publish(outputs, positions, membership)

    Step(parts(Log(), store, publisher=Watching())).run_once()
    assert seen[0] == replace(before, commits=8), "a commit of whoever had it is refused now"
    assert len(publisher.published) == 1


def test_a_relay_that_comes_late_publishes_under_the_membership_of_its_batch() -> None:
    """Else who lost a partition meanwhile is let through, and a stale snapshot comes last."""
    polls, under = [0], list[object]()

    class Polled(Log):
        def take(self, timeout_s: float) -> list[Record]:
            polls[0] += 1
            return super().take(timeout_s)

    class Member(Publisher):
        def membership(self) -> object:
            return polls[0]

        def publish(
            self, outputs: Sequence[Output], positions: Mapping[int, int], membership: object
        ) -> None:
            under.append(membership)

    class Late(Executor):
        """Runs a call when its result is asked for."""

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.result = lambda timeout=None: fn(*args)  # type: ignore[method-assign]
            return future

    class Telling(Remembering):
        def decide(self, batch: Batch) -> Decision:
            outputs = {r.partition: [Output("out", b"k", b"v")] for r in batch.records}
            return Decision(outputs=outputs)

    made = parts(Polled(), Store(), publisher=Member(), handler=Telling())
    step = Step(replace(made, relay=Late()))
    step.run_once()
    step.run_once()
    assert polls == [2]
    assert under == [1]


def test_what_can_not_be_prepared_is_decided_on_in_its_turn() -> None:
    class Unprepared(Remembering):
        def prepare(self, records: Sequence[Record]) -> None:
            raise ValueError("a bug")

    handler = Unprepared(poison=(0, 3))
    step = Step(parts(Backlog(), Store(), handler=handler))
    for _ in range(10):
        step.run_once()
    wanted = {(partition, offset) for partition in (0, 1) for offset in range(LAST + 1)}
    assert set(handler.decided) == wanted - {(0, 3)}


def test_a_commit_is_over_before_a_fault_of_the_log_is_told() -> None:
    """Else it could land when its partition has been read anew."""
    landed = threading.Event()

    class Broken(Backlog):
        def take_ahead(self) -> list[Record]:
            raise LogGone("no broker")

    class Slow(Store):
        def commit(self, commit: Commit) -> Outcome:
            time.sleep(0.05)
            landed.set()
            return super().commit(commit)

    step = Step(replace(parts(Broken(), Slow()), relay=Relay()))
    with pytest.raises(LogGone):
        step.run_once()
    assert landed.is_set()
