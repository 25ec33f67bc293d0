"""Another worker has a partition meanwhile: nothing is lost, and nothing waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

import pytest

from services.common.batch import Batch, Decision, Output, Record
from services.common.ports import VERIFY_EVERY_US, Commit, LogGone, Outcome, Place
from services.common.relay import Relay
from services.common.slot import pack
from services.common.step import Step
from tests.unit.step_world import LAST, Backlog, Log, Publisher, Remembering, Store, parts


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
