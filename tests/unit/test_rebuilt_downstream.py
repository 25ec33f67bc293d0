"""What a rebuild finds is sent to nobody, and what events say is: however the snapshots come."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest
import redis

from schemas.alert import Alert
from schemas.base import micros
from schemas.lifecycle import LifecycleChanged
from schemas.touchpoint import Touchpoint
from services.common.batch import Output
from services.journey.domain.customer import State
from services.journey.domain.decide import Event
from services.journey.domain.history import heard
from services.journey.domain.holders import Holders
from services.journey.messages import decode as decode_scores
from services.journey.messages import facts_of
from services.profile.stream import ProfileHandler
from services.scoring.decide import Asked, Ground, decide
from tests.scoring_messages import Message
from tests.unit.journey_builders import RULES, WHO, Known, Life, day, redirect, scores
from tests.unit.profile_builders import SETTINGS, WORKSPACE, Run, fed, touchpoint
from tests.unit.test_rebuild_units import rebuild

GROUND = Ground({}, {"demo": Asked()})
DAY_S = 86_400
Effects = list[tuple[str, bool]]


def visit(number: int, *names: str, at_s: float = 0) -> Touchpoint:
    return touchpoint(*(names or ("user_id:ada",)), at_s=at_s, message=f"visit {number}")


def order(number: int, at_s: float) -> Touchpoint:
    facts: dict[str, Any] = {
        "kind": "order_completed",
        "order_id": f"SO-{number}",
        "total": {"amount": Decimal(20), "currency": "USD"},
    }
    return touchpoint("user_id:ada", at_s=at_s, message=f"order {number}", **facts)


def snapshots(outputs: Sequence[Output]) -> list[bytes]:
    return [one.value for one in outputs if one.topic == "profiles.changed"]


def effects(*batches: Sequence[bytes]) -> Effects:
    """(stage, whether it is sent) of a customer, by the batches of snapshots that scoring takes."""
    state: State | None = None
    holders = Holders()
    events: list[Event] = []
    for batch in batches:
        messages = [Message(0, offset, value) for offset, value in enumerate(batch)]
        for output in decide(messages, GROUND, 0):
            facts = facts_of(decode_scores(output.value))
            if state is not None and facts.version <= state.scores_version:
                continue
            who = UUID(output.key.decode())
            decided = heard(who, state, [facts], facts.version, RULES, holders)
            state, events = decided.state, [*events, *decided.events]
    changes = [one for one in events if isinstance(one, LifecycleChanged)]
    return [(one.to_stage, not one.historic) for one in changes]


class Story:
    """Ada's first visit is known; then live traffic and a rebuild both write."""

    def __init__(self) -> None:
        self.live = fed([visit(1)], 1)
        self.known = snapshots(self.live.outputs)
        self.history = [visit(1)]

    def says(self, event: Touchpoint) -> list[bytes]:
        self.history.append(event)
        return snapshots(self.live.take(event))

    def rebuilds(self, *lost: Touchpoint) -> list[bytes]:
        """The log has these as well; a bug has lost them."""
        self.history += lost
        outputs = rebuild(self.live, fed(self.history))
        # what the worker kept at hand is old by that: its commit would conflict
        client = cast(redis.Redis, self.live.redis)
        self.live.handler = ProfileHandler(client, {"demo": WORKSPACE}, SETTINGS)
        return snapshots(outputs)


def test_the_find_of_a_rebuild_is_not_sent_in_whatever_batches_an_event_follows() -> None:
    """An order of before; a visit comes upon it."""
    story = Story()
    rebuilt = story.rebuilds(order(1, at_s=-DAY_S))
    upon = story.says(visit(2, at_s=60))
    quiet = [("potential", True), ("new", False)]
    assert effects(story.known, rebuilt, upon) == quiet
    assert effects(story.known, [*rebuilt, *upon]) == quiet
    assert effects(story.known, upon, rebuilt) == quiet, "published before the rebuild's own"
    assert effects(story.known, [*upon, *rebuilt]) == quiet
    assert effects(story.known, upon) == quiet, "the topic was compacted"


def test_what_an_event_says_is_sent_in_whatever_batches_a_rebuild_follows() -> None:
    story = Story()
    said = story.says(order(1, at_s=1))
    rebuilt = story.rebuilds(visit(2))
    sent = [("potential", True), ("new", True)]
    assert effects(story.known, said, rebuilt) == sent
    assert effects(story.known, [*said, *rebuilt]) == sent
    assert effects([*story.known, *said, *rebuilt]) == [("new", True)]


def test_what_an_event_says_after_a_rebuild_is_sent_though_nobody_heard_of_that() -> None:
    story = Story()
    rebuilt = story.rebuilds(visit(2, at_s=-DAY_S))
    bought = order(1, at_s=(story.live.now_us + 500_000) / 1e6 - micros(visit(1).occurred_at) / 1e6)
    said = story.says(bought)
    sent = [("potential", True), ("new", True)]
    assert effects(story.known, rebuilt, said) == sent
    assert effects(story.known, [*rebuilt, *said]) == sent
    assert effects(story.known, said) == sent


def test_a_late_event_after_a_rebuild_is_told_from_what_that_found() -> None:
    """It happened before the rebuild: only by the rebuild's own snapshot it is seen to be news."""
    story = Story()
    rebuilt = story.rebuilds(visit(2))
    late = story.says(order(1, at_s=-DAY_S))
    sent = [("potential", True), ("new", True)]
    assert effects(story.known, [*rebuilt, *late]) == sent
    assert effects(story.known, [*late, *rebuilt]) == sent


@pytest.mark.parametrize("names", [("user_id:ada",), ("email:a@x.example",)])
def test_who_joins_a_rebuilt_person_is_rebuilt(names: tuple[str, ...]) -> None:
    story = Story()
    story.says(visit(2, "email:a@x.example"))
    story.rebuilds(visit(3, *names, at_s=-DAY_S))
    joined = story.says(visit(4, "user_id:ada", "email:a@x.example"))
    told = [msgspec.json.decode(one) for one in joined]
    shown = [one for one in told if not one["merged_into"]]
    assert all(0 < one["rebuilt_version"] < one["version"] for one in shown)


def test_of_snapshots_that_no_rebuild_made_the_newest_alone_is_scored() -> None:
    story = Story()
    batch = [*story.known, *story.says(visit(2)), *story.says(order(1, at_s=1))]
    messages = [Message(0, offset, value) for offset, value in enumerate(batch)]
    assert len(decide(messages, GROUND, 0)) == 1


def test_a_redirect_of_a_rebuild_says_so_to_whoever_reads_scores() -> None:
    apart = [visit(1, "user_id:ada"), visit(2, "email:a@x.example")]
    live = fed(apart, 1)
    outputs = rebuild(live, fed([*apart, visit(3, "user_id:ada", "email:a@x.example")]))
    messages = [Message(0, 0, value) for value in snapshots(outputs)]
    found = [decode_scores(one.value) for one in decide(messages, GROUND, 0)]
    assert sorted(one.merged_into is not None for one in found) == [False, True]
    assert all(one.rebuilt for one in found)
    together = Run()
    together.take(*apart)
    by_event = together.take(visit(3, "user_id:ada", "email:a@x.example"))
    told = decide([Message(0, 0, one) for one in snapshots(by_event)], GROUND, 0)
    assert not any(decode_scores(one.value).rebuilt for one in told)


SURVIVOR = UUID("22222222-2222-4222-8222-222222222222")
COMPLAINED = Known(
    complaints=(("C-1", day(0), 4),), high_value=True, last_seen=day(0), orders=(day(0),)
)


@pytest.mark.parametrize("rebuilt", [True, False])
def test_an_alert_that_was_sent_is_sent_to_be_over_also_by_the_profile_that_a_rebuild_made_of_two(
    rebuilt: bool,
) -> None:
    """The survivor says it again, to nobody, under the same id; its end is for whoever has it."""
    holders = Holders()
    lost, survivor = Life(holders=holders), Life(who=SURVIVOR, holders=holders)
    lost.hear(scores(COMPLAINED, micros(day(0.2))), day(0.2))
    lost.hear(
        redirect(micros(day(0.3)), SURVIVOR).model_copy(update={"rebuilt": rebuilt}), day(0.3)
    )
    both = scores(COMPLAINED, micros(day(0.3)), who=SURVIVOR)
    survivor.hear(both.model_copy(update={"rebuilt": rebuilt}), day(0.3))
    handled = Known(**{**vars(COMPLAINED), "handled": frozenset({"C-1"})})
    survivor.hear(scores(handled, micros(day(0.4)), who=SURVIVOR), day(0.4))
    told = [one for one in lost.alerts + survivor.alerts if one.kind == "high_value_complained"]
    assert [(one.state, one.historic) for one in told] == [
        ("raised", False),
        ("raised", rebuilt),
        ("cleared", False),
    ]
    assert len({one.alert_id for one in told}) == 1


def test_an_alert_that_a_rebuild_found_ends_as_quietly() -> None:
    life = Life(who=WHO)
    found = scores(COMPLAINED, micros(day(0.2))).model_copy(update={"rebuilt": True})
    life.hear(found, day(0.2))
    handled = Known(**{**vars(COMPLAINED), "handled": frozenset({"C-1"})})
    life.hear(scores(handled, micros(day(0.4))), day(0.4))
    told = [one for one in life.events if isinstance(one, Alert)]
    assert [(one.state, one.historic) for one in told] == [("raised", True), ("cleared", True)]


def test_an_alert_that_nobody_was_told_of_ends_as_quietly_by_whoever_took_it_over() -> None:
    holders = Holders()
    mark = {"rebuilt": True}
    lost, survivor = Life(holders=holders), Life(who=SURVIVOR, holders=holders)
    lost.hear(scores(COMPLAINED, micros(day(0.2))).model_copy(update=mark), day(0.2))
    both = scores(COMPLAINED, micros(day(0.3)), who=SURVIVOR).model_copy(update=mark)
    survivor.hear(both, day(0.3))
    handled = Known(**{**vars(COMPLAINED), "handled": frozenset({"C-1"})})
    survivor.hear(scores(handled, micros(day(0.4)), who=SURVIVOR), day(0.4))
    assert all(one.historic for one in lost.alerts + survivor.alerts)


def test_what_a_new_model_says_of_a_rebuilt_profile_is_sent() -> None:
    """It is scored again from the same snapshot, which still says that a rebuild made it."""
    life = Life()
    found = scores(COMPLAINED, micros(day(0.2))).model_copy(update={"rebuilt": True})
    life.hear(found, day(0.2))
    newer = {"version": found.version + 1, "model_version": found.model_version + 1}
    impatient = scores(
        Known(orders=(day(0),), last_seen=day(0), patience=0.001), found.version, who=WHO
    )
    again = impatient.model_copy(
        update=newer | {"rebuilt": True, "profile_version": found.profile_version}
    )
    told = [one for one in life.hear(again, day(2)) if isinstance(one, LifecycleChanged)]
    assert [one.historic for one in told] == [False]
