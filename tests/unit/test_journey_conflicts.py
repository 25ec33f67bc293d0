"""Refused links come and go, people join and part: each of a link's people has one open alert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import derived_id, micros
from schemas.scores import Scores
from services.journey.domain.merges import LEFT_US
from tests.unit.journey_builders import WHO, Known, day, redirect, scores
from tests.unit.journey_world import World

PEOPLE = (
    WHO,
    UUID("22222222-2222-4222-8222-222222222222"),
    UUID("33333333-3333-4333-8333-333333333333"),
)
LINKS = {"a": (0, 1), "b": (0, 1), "c": (1, 2)}
SECOND_US = 1_000_000
Step = tuple[str, str, int]


def at(seconds: float) -> int:
    return micros(day(0.1)) + round(seconds * SECOND_US)


@dataclass
class Truth:
    """Which links are refused, who has joined whom, and the scores that each one is told by."""

    refused: set[str] = field(default_factory=set)
    joined: dict[int, int] = field(default_factory=dict)
    queues: list[list[Scores]] = field(default_factory=lambda: [[], [], []])
    moment: int = 0

    def people_of(self, link: str) -> set[int]:
        """Those whom a refused link keeps apart: nobody, when its ends are one person."""
        ends = {self.joined.get(number, number) for number in LINKS[link]}
        return ends if len(ends) == 2 and link in self.refused else set()

    def tell(self) -> None:
        self.moment += 1
        for number, queue in enumerate(self.queues):
            version, who = at(self.moment / 100), PEOPLE[number]
            if number in self.joined:
                queue.append(redirect(version, PEOPLE[self.joined[number]], who=who))
                continue
            mine = [name for name in LINKS if number in self.people_of(name)]
            known = Known(refused=tuple((name, day(0), "limit") for name in mine))
            queue.append(scores(known, version, who=who))

    def open(self) -> Counter[tuple[str, UUID]]:
        return Counter(
            ("identity_conflict", derived_id("link", name))
            for name in LINKS
            for _ in self.people_of(name)
        )


def live(truth: Truth, steps: Sequence[Step]) -> None:
    truth.tell()
    for what, name, number in steps:
        if what == "refuse":
            truth.refused.add(name)
        elif what == "settle":
            truth.refused.discard(name)
        elif what == "join" and number:
            truth.joined = {number: 0}
        elif what == "part":
            truth.joined = {}
        truth.tell()


def deliver(truth: Truth, dice: Random) -> World:
    """Each one's scores in their order, anyhow beside each other's, in batches of any size."""
    world, waiting = World(), [list(queue) for queue in truth.queues]
    now_us = at(truth.moment / 100)
    while any(waiting):
        batch: list[Scores] = []
        for queue in dice.sample(waiting, k=dice.randint(1, 3)):
            taken = dice.randint(0, 3)
            batch += queue[:taken]
            del queue[:taken]
        now_us += dice.randint(0, SECOND_US // 2)
        world.hear_at(batch, now_us)
    world.pass_time(now_us + LEFT_US)
    world.pass_time(now_us + 2 * LEFT_US)
    return world


steps = st.lists(
    st.tuples(
        st.sampled_from(["refuse", "refuse", "settle", "join", "part"]),
        st.sampled_from(sorted(LINKS)),
        st.integers(0, 2),
    ),
    max_size=12,
)


@given(steps, st.integers(0, 2**32))
@settings(max_examples=300)
def test_whatever_becomes_of_links_and_people_the_open_conflicts_are_right(
    steps: list[Step], seed: int
) -> None:
    truth = Truth()
    live(truth, steps)
    world = deliver(truth, Random(seed))
    assert world.open_alerts() == truth.open()


@given(steps, st.integers(0, 2**32), st.integers(0, 2**32))
@settings(max_examples=150)
def test_batches_and_the_order_between_people_change_nothing_that_is_told(
    steps: list[Step], seed: int, other: int
) -> None:
    truth = Truth()
    live(truth, steps)
    one, two = deliver(truth, Random(seed)), deliver(truth, Random(other))
    assert {a.event_id for a in one.alerts()} == {a.event_id for a in two.alerts()}
