"""The score worker loses nothing when publishing fails, and rereads everybody for a new model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from schemas.base import micros
from schemas.model import Model
from schemas.scores import Scores
from services.common.batch import Output
from services.common.ports import PublishFailed
from services.scoring.decide import Asked, Ground
from services.scoring.worker import TOPIC, Clients, Worker
from tests.scoring_messages import Message, model, published, snapshot
from tests.unit.scoring_builders import FITTED_AT


class FakeConsumer:
    """A log of a few partitions. Rebalances are told within `consume`: the next one, or the next
    that asks for more of what is there."""

    def __init__(self, log: Mapping[int, Sequence[bytes]]) -> None:
        self.log = log
        self.at: dict[int, int] = {}
        self.stored: dict[int, TopicPartition] = {}
        self.rebalance: list[tuple[str, int]] = []
        self.rebalance_at_more: list[tuple[str, int]] = []

    def subscribe(self, _topics: list[str], **callbacks: Any) -> None:
        self.callbacks = callbacks

    def consume(self, count: int, timeout_s: float) -> list[Message]:
        if timeout_s == 0:
            self.rebalance += self.rebalance_at_more
            self.rebalance_at_more = []
        rebalance, self.rebalance = self.rebalance, []
        for callback, partition in rebalance:
            self.callbacks[callback](self, [TopicPartition(TOPIC, partition)])
        found: list[Message] = []
        for partition, offset in list(self.at.items()):
            values = self.log[partition][offset : offset + count - len(found)]
            found += [Message(partition, offset + i, value) for i, value in enumerate(values)]
            self.at[partition] += len(values)
        return found

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [
            self.stored.get(one.partition, TopicPartition(TOPIC, one.partition)) for one in places
        ]

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        self.at |= {one.partition: max(0, one.offset) for one in places}

    def incremental_unassign(self, places: list[TopicPartition]) -> None:
        for one in places:
            self.at.pop(one.partition, None)

    def resume(self, places: list[TopicPartition]) -> None: ...

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        self.stored |= {one.partition: one for one in offsets}


class FakeModels:
    """Models that a test sets; a change is noticed once."""

    def __init__(self) -> None:
        self.model: Model | None = None
        self.seen: Model | None = None

    def follow(self) -> bool:
        new, self.seen = self.model is not self.seen, self.model
        return new

    catch_up = follow

    def ground(self) -> Ground:
        return Ground({"demo": self.seen} if self.seen else {}, {"demo": Asked((0.5,))})

    def fingerprint(self) -> str:
        return str(self.seen.version if self.seen else 0)


class FakePublisher:
    """Keeps what is published; fails as often as it is told."""

    def __init__(self) -> None:
        self.scores: list[Scores] = []
        self.positions: list[Mapping[int, int]] = []
        self.sizes: list[int] = []
        self.failures = 0

    def membership(self) -> object:
        return None

    def publish(
        self, outputs: Sequence[Output], positions: Mapping[int, int], membership: object
    ) -> None:
        self.positions.append(positions)
        self.sizes.append(len(outputs))
        if self.failures:
            self.failures -= 1
            raise PublishFailed("told to")
        self.scores += [Scores.model_validate_json(output.value) for output in outputs]


class World:
    """One worker over two partitions, ten people each if nothing is said, in batches of four."""

    def __init__(
        self, executor: ThreadPoolExecutor, log: Mapping[int, Sequence[bytes]] | None = None
    ) -> None:
        people = [published(snapshot(number)) for number in range(20)]
        self.consumer = FakeConsumer(log or {0: people[:10], 1: people[10:]})
        self.models: Any = FakeModels()
        self.publisher = FakePublisher()
        self.executor = executor
        self.worker = self.start()

    def start(self) -> Worker:
        """A new process in the place of the old one."""
        self.consumer.at.clear()
        self.consumer.rebalance = [("on_assign", 0), ("on_assign", 1)]
        clients = Clients(self.consumer, self.models, self.publisher, self.executor)
        return Worker(clients, batch_max=4)

    def run(self, steps: int = 30) -> None:
        for _ in range(steps):
            try:
                self.worker.step()
            except PublishFailed:
                self.worker.rewind()

    def people_at(self, version: int) -> int:
        scored = {one.profile_id for one in self.publisher.scores if one.model_version == version}
        return len(scored)


@pytest.fixture
def world() -> Any:
    with ThreadPoolExecutor(1) as executor:
        yield World(executor)


def test_everybody_is_scored_once_and_committed(world: World) -> None:
    world.run()
    assert len(world.publisher.scores) == world.people_at(0) == 20
    assert [world.consumer.stored[partition].offset for partition in (0, 1)] == [10, 10]


@pytest.mark.parametrize("steps", range(1, 7))
def test_a_failed_publishing_is_repeated(world: World, steps: int) -> None:
    world.run(steps)
    world.publisher.failures = 2
    world.run()
    assert world.people_at(0) == 20


@pytest.mark.parametrize("steps", range(1, 7))
def test_a_new_model_reaches_everybody_in_order(world: World, steps: int) -> None:
    world.run(steps)
    world.models.model = model()
    world.run()
    assert world.people_at(model().version) == 20
    versions = [one.model_version for one in world.publisher.scores]
    assert versions == sorted(versions)


@pytest.mark.parametrize("steps", range(1, 12))
def test_a_model_reaches_everybody_whenever_the_process_dies(world: World, steps: int) -> None:
    world.run()
    world.models.model = model()
    world.run(steps)
    world.worker = world.start()
    world.run()
    assert world.people_at(model().version) == 20


def test_what_was_done_is_not_done_again_after_a_restart(world: World) -> None:
    world.run()
    world.worker = world.start()
    world.run()
    assert len(world.publisher.scores) == 20


@pytest.mark.parametrize("steps", range(1, 7))
def test_a_hand_over_that_fails_loses_nobody_who_stays(world: World, steps: int) -> None:
    world.run(steps)
    world.publisher.failures = 1
    world.consumer.rebalance = [("on_revoke", 0)]
    world.run()
    world.consumer.rebalance = [("on_assign", 0)]
    world.run()
    assert world.people_at(0) == 20


def test_a_lost_partition_is_left_alone(world: World) -> None:
    world.run(2)
    world.consumer.rebalance = [("on_lost", 0)]
    world.run()
    assert world.consumer.stored[1].offset == 10
    assert world.consumer.stored.get(0, TopicPartition(TOPIC, 0)).offset < 10


@pytest.fixture
def long_world() -> Any:
    """Forty snapshots in each partition: ten of each of four people, ever newer."""
    with ThreadPoolExecutor(1) as executor:
        yield World(executor, {0: _versions(range(4)), 1: _versions(range(4, 8))})


def _versions(people: range) -> list[bytes]:
    return [published(snapshot(n, version=version)) for version in range(10) for n in people]


def test_who_is_behind_scores_the_newest_of_many(long_world: World) -> None:
    long_world.run()
    newest = {one.profile_id: one.version for one in long_world.publisher.scores}
    assert [long_world.consumer.stored[partition].offset for partition in (0, 1)] == [40, 40]
    assert set(newest.values()) == {micros(FITTED_AT) + 9}
    # takes 4 and 4 snapshots, twice as many with every success (8, 16, 32), then the last 16
    assert long_world.publisher.sizes == [4, 4, 4, 4, 8, 4]


def test_large_snapshots_are_taken_by_the_micro_batch(
    long_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.scoring.worker.TAKEN_BYTES_MAX", 1_000)
    long_world.run()
    assert long_world.publisher.sizes == [4] * 20


def test_after_a_failure_the_bites_are_small_again(long_world: World) -> None:
    long_world.run(4)
    long_world.worker.settle()
    long_world.publisher.failures = 1
    taken = len(long_world.publisher.positions)
    long_world.run()
    failed, repeated, *_ = long_world.publisher.positions[taken:]
    assert (failed, repeated) == ({0: 40, 1: 24}, {0: 36})


def test_what_was_taken_of_a_partition_goes_with_it(long_world: World) -> None:
    """Its next owner goes on to the end; when it comes back nothing older is said of anybody."""
    long_world.run(3)
    long_world.worker.settle()
    before = len(long_world.publisher.positions)
    long_world.consumer.rebalance_at_more = [("on_lost", 0), ("on_assign", 0)]
    long_world.consumer.stored[0] = TopicPartition(TOPIC, 0, 40, metadata="0")
    long_world.run()
    assert long_world.consumer.rebalance_at_more == []
    assert all(0 not in positions for positions in long_world.publisher.positions[before:])
    assert long_world.consumer.stored[1].offset == 40
