"""Components kept in memory: never staler than the commit's check, never more than allowed."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import to_json
from schemas.touchpoint import Touchpoint
from services.common.batch import Batch, Decision, Output, Record, unpack_state
from services.profile.domain.component import Component, Node
from services.profile.domain.working import Working
from services.profile.kept import COMPONENT_BYTES_MAX, Kept
from services.profile.stream import ProfileHandler
from tests.reference.profiles import facts_of
from tests.unit.profile_builders import (
    SETTINGS,
    START,
    WORKSPACE,
    MemoryRedis,
    Run,
    histories,
    touchpoint,
)


class Counting(MemoryRedis):
    """Counts the keys that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[bytes] = []

    def mget(self, keys: Sequence[bytes]) -> list[bytes | None]:
        keys = list(keys)
        self.read += keys
        return super().mget(keys)


def handler(memory: MemoryRedis) -> ProfileHandler:
    return ProfileHandler(cast(redis.Redis, memory), {WORKSPACE.name: WORKSPACE}, SETTINGS)


def test_what_was_just_committed_is_not_read_again() -> None:
    run = Run()
    run.redis = Counting()
    run.handler = handler(run.redis)
    run.take(touchpoint("user_id:ada", "email:a@x.example"))
    run.redis.read.clear()
    run.take(touchpoint("user_id:ada", "email:a@x.example", at_s=1))
    assert run.redis.read == []
    run.take(touchpoint("user_id:ada", "phone:+49123", at_s=2))
    assert len(run.redis.read) == 1, "the new identifier alone"


class Workers:
    """Two workers on one Redis, each with what it keeps; a conflict is decided again."""

    def __init__(self) -> None:
        self.redis = MemoryRedis()
        self.handlers = [handler(self.redis), handler(self.redis)]
        self.topic: dict[bytes, Output] = {}
        self.now_us = int(START.timestamp()) * 1_000_000
        self.conflicts = 0

    def take(self, worker: int, touchpoints: Sequence[Touchpoint], *, dies: bool) -> None:
        records = [
            Record("touchpoints.accepted", 0, place, b"key", to_json(one))
            for place, one in enumerate(touchpoints)
        ]
        if dies:  # it decided, and was fenced or cut off before the commit
            self.now_us += 1
            self.handlers[worker].decide(Batch(records, (), self.now_us))
        for _ in range(2):
            self.now_us += 1
            decision = self.handlers[worker].decide(Batch(records, (), self.now_us))
            if not self._conflicts(decision):
                break
            self.conflicts += 1
        self.redis.commit(decision)
        decision.committed()
        for outputs in decision.outputs.values():
            self.topic |= {one.key: one for one in outputs if one.topic == "profiles.changed"}

    def _conflicts(self, decision: Decision) -> bool:
        values = self.redis.values
        return any(
            (unpack_state(values[key])[0] if key in values else 0) != version
            for key, version in decision.reads.items()
        )

    def people(self) -> dict[Any, Any]:
        return dict(facts_of(one.value) for one in self.topic.values() if _is_person(one))


def _is_person(output: Output) -> bool:
    return b'"merged_into":null' in output.value


@given(history=histories(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_workers_that_take_turns_end_as_one_that_keeps_nothing(
    history: list[Touchpoint], data: st.DataObject
) -> None:
    workers = Workers()
    one = Run()
    one.handler = ProfileHandler(
        cast(redis.Redis, one.redis),
        {WORKSPACE.name: WORKSPACE},
        SETTINGS.model_copy(update={"profiles_kept_mb": 0}),
    )
    place = 0
    while place < len(history):
        size = data.draw(st.integers(1, 4))
        batch = history[place : place + size]
        workers.take(data.draw(st.integers(0, 1)), batch, dies=data.draw(st.booleans()))
        one.take(*batch)
        place += size
    expected = dict(facts_of(each.value) for each in one.topic.values() if _is_person(each))
    assert workers.people() == expected


def test_another_workers_commit_is_seen_by_the_check_of_versions() -> None:
    workers = Workers()
    workers.take(0, [touchpoint("user_id:ada")], dies=False)
    workers.take(1, [touchpoint("user_id:ada", at_s=1)], dies=False)
    workers.take(0, [touchpoint("user_id:ada", at_s=2)], dies=False)
    assert workers.conflicts == 1
    [person] = workers.people().values()
    assert person["behaviour"]["events"] == 3


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
def test_a_batch_leaves_nothing_for_the_garbage_collector() -> None:
    run = Run()
    run.take(*[touchpoint(f"user_id:u{n}", at_s=n) for n in range(50)])
    run.outputs.clear()
    gc.collect()
    run.take(*[touchpoint(f"user_id:u{n}", at_s=100 + n) for n in range(50)])
    assert gc.collect() < 50, "a cycle held the batch"


def test_what_another_worker_joined_to_this_one_is_forgotten() -> None:
    kept = Kept(1_000)
    alone, joined = working(1), working(2, 1)  # the second as it was read from Redis
    kept.keep([alone], {alone.key: (1, 400)})
    kept.keep([joined], {joined.key: (2, 700)})
    assert kept.bytes == 700
    assert kept.take([alone.key]) == ([joined], [])
    assert kept.bytes == 0


def working(*numbers: int) -> Working:
    nodes = [Node(number.to_bytes(16, "big"), 0, str(number)) for number in numbers]
    return Working(nodes[0].id, 0, Component("demo", nodes, [], []))


@given(
    sizes=st.lists(st.integers(1, 2 * COMPONENT_BYTES_MAX), max_size=60),
    most=st.integers(0, 8 * COMPONENT_BYTES_MAX),
)
def test_never_more_bytes_than_allowed_and_the_least_used_go_first(
    sizes: list[int], most: int
) -> None:
    kept = Kept(most)
    for number, size in enumerate(sizes):
        home = working(number)
        kept.keep([home], {home.key: (1, size)})
        assert kept.bytes <= most
    fitting = [n for n, size in enumerate(sizes) if size <= COMPONENT_BYTES_MAX]
    expected: list[int] = []
    for number in reversed(fitting):
        if sum(sizes[n] for n in [*expected, number]) > most:
            break
        expected.append(number)
    found, missing = kept.take([n.to_bytes(16, "big") for n in range(len(sizes))])
    assert {home.key for home in found} >= {n.to_bytes(16, "big") for n in expected}
    assert len(found) + len(missing) == len(sizes)
    assert kept.bytes == 0
