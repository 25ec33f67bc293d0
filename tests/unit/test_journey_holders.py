"""A complaint goes from customer to customer: its alert is raised once and cleared once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import derived_id, micros
from schemas.scores import Scores
from services.common.batch import Batch, Due
from services.journey.domain.holders import AlertName
from services.journey.domain.merges import LEFT_US
from services.journey.store import holder_key, state_key
from tests.unit.journey_builders import WHO, Known, day, redirect, scores, with_orders
from tests.unit.journey_world import World

OTHER = UUID("22222222-2222-4222-8222-222222222222")
THIRD = UUID("33333333-3333-4333-8333-333333333333")
EMPTY = Known(high_value=True)
VALUED = replace(EMPTY, complaints=(("C-1", day(0), 4),))
HANDLED = replace(VALUED, handled=frozenset({"C-1"}))
CAUSE = derived_id("complaint", "C-1")
WHO_KEY = state_key("demo", WHO.bytes)
NAME_KEY = holder_key(AlertName("demo", "high_value_complained", CAUSE.bytes))
SECOND_US = 1_000_000
START_US = micros(day(0.1))


def at(seconds: float) -> int:
    return START_US + round(seconds * SECOND_US)


def hear(world: World, known: Known, seconds: float, who: UUID = WHO) -> None:
    world.hear_at([scores(known, at(seconds), who=who)], at(seconds))


def rest(world: World, after: float = 0) -> None:
    """Until nobody waits for anybody."""
    world.pass_time(at(after) + LEFT_US)
    world.pass_time(at(after) + 2 * LEFT_US)


def told(world: World) -> list[str]:
    """raised and cleared, without repeats."""
    return [alert.state for alert in {one.event_id: one for one in world.alerts()}.values()]


def test_a_complaint_that_vanishes_and_comes_back_handled_is_cleared() -> None:
    """As when Redis loses the end of its log: seed 1795468496 of the fault runs."""
    world = World()
    known = with_orders(0, 1, complaints=(("C-1", day(1), 2),))
    world.hear(scores(known, 10), at=10)
    world.pass_time(micros(day(10.2)))
    world.hear(scores(Known(), 11), at=10.3)
    world.hear(scores(replace(known, handled=frozenset({"C-1"})), 12), at=10.4)
    world.pass_time(micros(day(10.4)) + LEFT_US)
    assert told(world) == ["raised", "cleared"]
    assert [state.left_us for state in world.states()] == [0]


def test_a_complaint_that_vanishes_and_comes_back_open_is_told_once() -> None:
    world = World()
    hear(world, VALUED, 0)
    hear(world, EMPTY, 1)
    hear(world, VALUED, 2)
    rest(world, 2)
    assert [alert.state for alert in world.alerts()] == ["raised"]
    hear(world, HANDLED, 300)
    assert told(world) == ["raised", "cleared"]


def test_who_took_a_complaint_over_clears_it() -> None:
    world = World()
    hear(world, VALUED, 0)
    hear(world, EMPTY, 1)
    hear(world, VALUED, 1, OTHER)
    rest(world, 1)
    assert told(world) == ["raised"]
    hear(world, HANDLED, 300, OTHER)
    assert [(a.profile_id, a.state) for a in world.alerts()] == [
        (WHO, "raised"),
        (OTHER, "raised"),
        (OTHER, "cleared"),
    ]
    assert len({alert.alert_id for alert in world.alerts()}) == 1


def test_what_was_handled_before_anybody_took_it_over_is_cleared_by_who_had_it() -> None:
    world = World()
    hear(world, VALUED, 0)
    hear(world, EMPTY, 1)
    hear(world, HANDLED, 2, OTHER)
    world.pass_time(at(1) + LEFT_US - 1)
    assert told(world) == ["raised"]
    rest(world, 1)
    assert [(a.profile_id, a.state) for a in world.alerts()] == [(WHO, "raised"), (WHO, "cleared")]


def test_who_takes_it_over_too_late_tells_of_it_under_another_id() -> None:
    world = World()
    hear(world, VALUED, 0)
    hear(world, EMPTY, 1)
    rest(world, 1)
    hear(world, VALUED, 500, OTHER)
    assert told(world) == ["raised", "cleared", "raised"]
    assert world.open_alerts() == {("high_value_complained", CAUSE): 1}


def test_the_survivor_repeats_the_number_under_which_it_was_raised_again() -> None:
    world = World()
    for second, known in enumerate([VALUED, HANDLED, VALUED]):
        hear(world, known, second)
    world.hear_at([redirect(at(4), OTHER)], at(4))
    hear(world, VALUED, 4, OTHER)
    rest(world, 4)
    assert told(world) == ["raised", "cleared", "raised"]
    assert sum(world.open_alerts().values()) == 1


def test_old_news_of_a_complaint_that_went_on_take_nothing_back() -> None:
    world = World()
    hear(world, VALUED, 5, OTHER)
    hear(world, VALUED, 1)
    hear(world, EMPTY, 5)
    rest(world, 5)
    assert told(world) == ["raised"]
    assert len({alert.alert_id for alert in world.alerts()}) == 1


def test_two_who_lose_it_one_after_the_other_clear_it_once() -> None:
    world = World()
    hear(world, VALUED, 0)
    hear(world, EMPTY, 1)
    hear(world, VALUED, 1, OTHER)
    hear(world, EMPTY, 2, OTHER)
    hear(world, HANDLED, 2, THIRD)
    rest(world, 2)
    cleared = [alert.profile_id for alert in world.alerts() if alert.state == "cleared"]
    assert cleared == [OTHER]


def test_a_commit_notices_that_another_worker_told_of_it_meanwhile() -> None:
    world = World()
    hear(world, VALUED, 0)
    hear(world, EMPTY, 1)
    look_us = at(1) + LEFT_US
    decision = world.handler.decide(Batch((), [Due(3, WHO_KEY, look_us)], look_us))
    hear(world, VALUED, 1, OTHER)
    assert NAME_KEY in decision.reads
    assert decision.reads[NAME_KEY] != world.store.version(NAME_KEY)


@dataclass
class Truth:
    """Where complaints are, and the scores each customer will be told by, in their order."""

    where: dict[str, int] = field(default_factory=lambda: {"C-1": 0, "C-2": 0})
    handled: set[str] = field(default_factory=set)
    plain: set[int] = field(default_factory=set)
    joined: dict[int, int] = field(default_factory=dict)
    queues: list[list[Scores]] = field(default_factory=lambda: [[], [], []])
    moment: int = 0

    def tell(self) -> None:
        """What changed is in each one's newest scores; one moment, as of one commit."""
        self.moment += 1
        for number, queue in enumerate(self.queues):
            queue.append(self._scores(number))

    def _scores(self, number: int) -> Scores:
        version, who = at(self.moment / 100), PEOPLE[number]
        if number in self.joined:
            return redirect(version, PEOPLE[self.joined[number]], who=who)
        here = {name for name, home in self.where.items() if self._living(home) == number}
        known = Known(
            complaints=tuple((name, day(0), 4) for name in sorted(here)),
            handled=frozenset(self.handled & here),
            high_value=number not in self.plain,
        )
        return scores(known, version, who=who)

    def _living(self, number: int) -> int:
        return self.joined.get(number, number)

    def open(self) -> Counter[tuple[str, UUID]]:
        """The alerts that must be open in the end."""
        return Counter(
            ("high_value_complained", derived_id("complaint", name))
            for name, home in self.where.items()
            if name not in self.handled and self._living(home) not in self.plain
        )


PEOPLE = (WHO, OTHER, THIRD)
Step = tuple[str, str, int]
names = st.sampled_from(["C-1", "C-2"])
people = st.integers(0, 2)
moves = st.tuples(st.sampled_from(["move", "merge", "part"]), names, people)
changes = st.tuples(st.sampled_from(["handle", "reopen", "value"]), names, people)


def live(truth: Truth, steps: Sequence[Step]) -> None:
    truth.tell()
    for what, name, number in steps:
        if what == "move":
            truth.where[name] = number
        elif what == "merge" and number and not truth.joined:
            truth.joined = {number: 0}
        elif what == "part":
            truth.joined = {}
        elif what == "handle":
            truth.handled.add(name)
        elif what == "reopen":
            truth.handled.discard(name)
        elif what == "value":
            truth.plain ^= {number}
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
    for _ in range(4):
        now_us += LEFT_US
        world.pass_time(now_us)
    return world


@given(st.lists(moves | changes, max_size=12), st.integers(0, 2**32))
@settings(max_examples=400, deadline=None)
def test_wherever_complaints_go_what_is_open_in_the_end_is_right(
    steps: list[Step], seed: int
) -> None:
    truth = Truth()
    live(truth, steps)
    world = deliver(truth, Random(seed))
    assert world.open_alerts() == truth.open()
    assert all(state.left_us == 0 for state in world.states())


@given(st.lists(moves, max_size=12), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_a_complaint_that_only_moves_has_one_alert(steps: list[Step], seed: int) -> None:
    truth = Truth()
    live(truth, steps)
    world = deliver(truth, Random(seed))
    assert told(world) == ["raised", "raised"]
    assert len({alert.alert_id for alert in world.alerts()}) == 2
