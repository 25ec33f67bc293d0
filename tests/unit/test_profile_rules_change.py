"""Identity rules that change while profiles are there: who is touched next is shown as they say."""

from __future__ import annotations

from typing import Any, cast

import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from services.profile.stream import ProfileHandler
from tests.reference.profiles import facts_of
from tests.unit.profile_builders import (
    NAMES,
    SETTINGS,
    WORKSPACE,
    Run,
    fed,
    histories,
    limited,
    touchpoint,
)

RULES = (limited(user_id=1, email=1), limited(user_id=3, email=4), limited(user_id=2, phone=1))


def change(run: Run, workspace: Workspace) -> None:
    """As between two rounds of the step: a new handler on the same state."""
    client = cast(redis.Redis, run.redis)
    run.handler = ProfileHandler(client, {workspace.name: workspace}, SETTINGS)


def people(run: Run) -> dict[Any, Any]:
    shown = (one for one in run.topic.values() if b'"merged_into":null' in one.value)
    return dict(facts_of(one.value) for one in shown)


def visits(*names: str) -> list[Touchpoint]:
    return [
        touchpoint(name, at_s=900_000 + place, message=f"last {name}")
        for place, name in enumerate(names)
    ]


def test_people_that_new_rules_part_are_all_shown_when_one_of_them_is_touched() -> None:
    both = [
        touchpoint("user_id:ada", "email:x@x.example"),
        touchpoint("user_id:bob", "email:x@x.example", at_s=1),
    ]
    run = fed(both, workspace=RULES[1])
    assert len(people(run)) == 1
    change(run, RULES[0])
    run.take(*visits("user_id:ada"))
    assert people(run) == people(fed([*both, *visits("user_id:ada")], workspace=RULES[0]))
    assert len(people(run)) == 2


def test_a_person_that_new_rules_join_to_another_is_redirected() -> None:
    both = [
        touchpoint("user_id:ada", "email:x@x.example"),
        touchpoint("user_id:bob", "email:x@x.example", at_s=1),
    ]
    run = fed(both, workspace=RULES[0])
    assert len(people(run)) == 2
    change(run, RULES[1])
    run.take(*visits("user_id:ada"))
    assert len(people(run)) == 1, "a ghost would be counted twice for ever"


def test_rules_that_say_the_same_show_nobody_anew() -> None:
    run = fed([touchpoint("user_id:ada", "email:x@x.example")])
    change(run, WORKSPACE.model_copy(update={"sources": ()}))
    outputs = run.take(*visits("user_id:ada"))
    assert sorted(one.topic for one in outputs) == ["profiles.changed", "touchpoints.resolved"]


@given(history=histories(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_in_the_end_everybody_is_as_if_the_last_rules_had_always_been(
    history: list[Touchpoint], data: st.DataObject
) -> None:
    run = Run(RULES[0])
    place, rules = 0, RULES[0]
    while place < len(history):
        size = data.draw(st.integers(1, 6))
        run.take(*history[place : place + size])
        place += size
        rules = data.draw(st.sampled_from(RULES))
        change(run, rules)
    run.take(*visits(*NAMES))
    assert people(run) == people(fed([*history, *visits(*NAMES)], workspace=rules))
