"""Profiles do not depend on how their events arrive, and agree with the reference model."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from tests.reference.facts import Facts
from tests.reference.identity import Person
from tests.reference.profiles import facts_of, profiles_of
from tests.unit.profile_builders import SALT, WORKSPACE, Run, fed, histories, limited, touchpoint

LIMITED = limited(email=2, phone=1, anonymous_id=2)
HUBS = limited(hub_degree_max=2)


def shown(run: Run) -> dict[Person, Facts]:
    """The profiles on the compacted topic, redirects left out."""
    living = [one.value for one in run.topic.values() if b'"merged_into":null' in one.value]
    found = [facts_of(value) for value in living]
    assert len({person for person, _ in found}) == len(found), "nobody is shown twice"
    return dict(found)


def expected(history: list[Touchpoint], workspace: Workspace) -> dict[Person, Facts]:
    return profiles_of(history, workspace, SALT)


@given(histories(), st.integers(1, 30))
@settings(max_examples=100, deadline=None)
def test_profiles_equal_the_reference(history: list[Touchpoint], batch: int) -> None:
    assert shown(fed(history, batch)) == expected(history, WORKSPACE)


@given(histories(), st.integers(1, 30))
@settings(max_examples=100, deadline=None)
def test_profiles_equal_the_reference_when_limits_conflict(
    history: list[Touchpoint], batch: int
) -> None:
    assert shown(fed(history, batch, LIMITED)) == expected(history, LIMITED)


@given(histories(), st.integers(1, 30))
@settings(max_examples=100, deadline=None)
def test_profiles_equal_the_reference_when_there_are_hubs(
    history: list[Touchpoint], batch: int
) -> None:
    assert shown(fed(history, batch, HUBS)) == expected(history, HUBS)


@given(histories(), st.randoms(use_true_random=False), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_a_profile_does_not_depend_on_arrival_order_or_batching(
    history: list[Touchpoint], dice: random.Random, batch: int
) -> None:
    shuffled = dice.sample(history, k=len(history))
    for workspace in (WORKSPACE, LIMITED, HUBS):
        assert shown(fed(shuffled, batch, workspace)) == shown(fed(history, 5, workspace))


@given(histories(), st.randoms(use_true_random=False), st.integers(1, 30))
@settings(max_examples=50, deadline=None)
def test_doubled_events_change_nothing(
    history: list[Touchpoint], dice: random.Random, batch: int
) -> None:
    doubled = history + dice.sample(history, k=len(history) // 2)
    dice.shuffle(doubled)
    assert shown(fed(doubled, batch)) == shown(fed(history))


def only(run: Run) -> Any:
    (facts,) = shown(run).values()
    return facts


def test_a_complaint_may_be_handled_before_it_is_received() -> None:
    handled = touchpoint("user_id:u", at_s=50, kind="complaint_handled", complaint_id="C")
    received = touchpoint(
        "user_id:u", at_s=10, kind="complaint_received", complaint_id="C", severity=4
    )
    assert only(fed([handled]))["service"]["complaints"] == 0
    for history in ([handled, received], [received, handled]):
        service = only(fed(history, 1))["service"]
        assert service["complaints"] == service["complaints_handled"] == 1
        assert service["open_complaints"] == ()


def test_an_order_sent_again_counts_once_with_its_newest_total() -> None:
    history = [
        touchpoint(
            "user_id:u",
            at_s=at_s,
            kind="order_completed",
            order_id="SO-1",
            total={"amount": amount, "currency": "USD"},
        )
        for at_s, amount in ((0, "10.00"), (60, "12.50"))
    ]
    for order in (history, history[::-1]):
        purchases = only(fed(order, 1))["purchases"]
        assert (purchases["orders"], str(purchases["revenue"])) == (1, "12.50")


def test_a_null_removes_a_trait_even_when_it_arrives_first() -> None:
    said = touchpoint("user_id:u", at_s=0, kind="identified", traits={"city": "London"})
    removed = touchpoint("user_id:u", at_s=9, kind="identified", traits={"city": None})
    assert only(fed([removed, said], 1))["traits"] == {}
    assert only(fed([said, removed], 1))["traits"] == {}


def test_maps_stay_bounded_and_the_choice_does_not_depend_on_order() -> None:
    history = [
        touchpoint(
            "user_id:u", at_s=number, channel=f"channel {number}", category=f"category {number}"
        )
        for number in range(70)
    ]
    history += [
        touchpoint(
            "user_id:u",
            at_s=number,
            kind="identified",
            traits={f"trait {number} {name}": number for name in range(100)},
        )
        for number in range(3)
    ]
    facts = only(fed(history))
    assert len(facts["behaviour"]["categories"]) == 50
    assert len(facts["behaviour"]["by_channel"]) == 20
    assert len(facts["traits"]) == 200
    assert shown(fed(history[::-1], 7)) == shown(fed(history)) == expected(history, WORKSPACE)


def test_a_link_to_a_hub_counts_towards_becoming_one() -> None:
    pairs = [(f"email:e{number}@x.example", "phone:+49111") for number in range(3)]
    pairs += [("user_id:y", other) for other in ("phone:+491234567", "email:y@x.example")]
    history = [touchpoint(*pair, at_s=number) for number, pair in enumerate(pairs)]
    with_hub = [*history, touchpoint("user_id:y", "phone:+49111", at_s=9)]
    assert len(max(shown(fed(history, 1, HUBS)), key=len)) == 3
    for order in (with_hub, with_hub[::-1]):
        assert len(max(shown(fed(order, 1, HUBS)), key=len)) == 1
        assert shown(fed(order, 1, HUBS)) == expected(with_hub, HUBS)
