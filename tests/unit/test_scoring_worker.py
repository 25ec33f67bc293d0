"""The score worker loses nothing when publishing fails, and rereads everybody for a new model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from schemas.model import Model
from schemas.scores import Scores
from services.common.batch import Output
from services.common.ports import PublishFailed
from services.scoring.decide import Ground
from services.scoring.worker import TOPIC, Clients, Worker
from tests.scoring_messages import model, published, snapshot


class Message:
    """What a consumer gives."""

    def __init__(self, partition: int, offset: int, value: bytes) -> None:
        self._content = (partition, offset, value)

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self._content[0]

    def offset(self) -> int:
        return self._content[1]

    def key(self) -> bytes:
        return b"key"

    def value(self) -> bytes:
        return self._content[2]

    def headers(self) -> list[tuple[str, bytes]]:
        return []


class FakeConsumer:
    """A log of a few partitions; `give` and `take_away` are rebalances, told within `consume`."""

    def __init__(self, log: Mapping[int, Sequence[bytes]]) -> None:
        self.log = log
        self.at: dict[int, int] = {}
        self.stored: dict[int, TopicPartition] = {}
        self.rebalance: list[tuple[str, int]] = []

    def subscribe(self, _topics: list[str], **callbacks: Any) -> None:
        self.callbacks = callbacks

    def consume(self, count: int, _timeout_s: float) -> list[Message]:
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
        return Ground({"demo": self.seen} if self.seen else {}, {"demo": (0.5,)})

    def fingerprint(self) -> str:
        return str(self.seen.version if self.seen else 0)


class FakePublisher:
    """Keeps what is published; fails as often as it is told."""

    def __init__(self) -> None:
        self.scores: list[Scores] = []
        self.failures = 0

    def publish(self, outputs: Sequence[Output], positions: Mapping[int, int]) -> None:
        if self.failures:
            self.failures -= 1
            raise PublishFailed("told to")
        self.scores += [Scores.model_validate_json(output.value) for output in outputs]


class World:
    """One worker over two partitions of ten people each, in batches of four."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        people = [published(snapshot(number)) for number in range(20)]
        self.consumer = FakeConsumer({0: people[:10], 1: people[10:]})
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
