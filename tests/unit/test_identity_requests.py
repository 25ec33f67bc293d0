"""Merges and unmerges that somebody asks for: the newest word of a pair holds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.profile import Profile
from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from services.profile.domain.component import Component
from services.profile.domain.ids import Hashes, uuid_text
from services.profile.store import unpack
from tests.reference.profiles import facts_of, profiles_of
from tests.unit.profile_builders import (
    NAMES,
    SALT,
    START,
    WORKSPACE,
    Run,
    fed,
    histories,
    limited,
    touchpoint,
)

ADA, BOB, MAIL, PHONE = "user_id:ada", "user_id:bob", "email:x@x.example", "phone:+491234567"


def merge(one: str, other: str, at_s: float, **more: Any) -> Touchpoint:
    return touchpoint(one, at_s=at_s, kind="profile_merge_requested", other=other, **more)


def unmerge(one: str, other: str, at_s: float, **more: Any) -> Touchpoint:
    return touchpoint(one, at_s=at_s, kind="profile_unmerge_requested", other=other, **more)


def profile_id(name: str) -> str:
    return uuid_text(Hashes(SALT).node("demo", *name.split(":", 1)))


def topic(run: Run) -> dict[str, Profile]:
    return {
        key.decode(): Profile.model_validate_json(output.value) for key, output in run.topic.items()
    }


def living(run: Run) -> dict[Any, Any]:
    shown = (one.value for one in run.topic.values() if b'"merged_into":null' in one.value)
    return dict(facts_of(value) for value in shown)


def in_any_order(history: Sequence[Touchpoint], workspace: Workspace = WORKSPACE) -> dict[Any, Any]:
    """The people that come out of each order, one by one and in one batch: always the same."""
    outcomes = [
        living(fed(order, batch, workspace))
        for order in itertools.permutations(history)
        for batch in (1, len(history))
    ]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert outcomes[0] == profiles_of(history, workspace, SALT)
    return outcomes[0]


def names_of(people: dict[Any, Any]) -> set[frozenset[str]]:
    return {frozenset(value for _, value in person) for person in people}


def components(run: Run) -> list[Component]:
    return [unpack(value[8:]) for key, value in run.redis.values.items() if key[:2] == b"c:"]


# -- merges ----------------------------------------------------------------------------------------


def test_a_merge_joins_people_whom_a_limit_keeps_apart() -> None:
    history = [touchpoint(ADA, MAIL), touchpoint(BOB, PHONE, at_s=1), merge(ADA, BOB, 2)]
    people = in_any_order(history)
    assert names_of(people) == {frozenset({"ada", "bob", "x@x.example", "+491234567"})}
    [person] = people.values()
    assert person["behaviour"]["events"] == 3
    assert person["refused_links"] == 0


def test_who_was_merged_beyond_a_limit_still_learns_other_names_but_no_third_user() -> None:
    history = [
        merge(ADA, BOB, 1),
        touchpoint(ADA, MAIL, at_s=2),
        touchpoint("user_id:eve", MAIL, at_s=3),
    ]
    people = in_any_order(history)
    assert names_of(people) == {frozenset({"ada", "bob", "x@x.example"}), frozenset({"eve"})}


def test_chains_and_cycles_of_merges_end_in_one_profile_that_all_ids_lead_to() -> None:
    users = [f"user_id:u{number}" for number in range(4)]
    visits = [touchpoint(user, at_s=number) for number, user in enumerate(users)]
    ring = [
        merge(users[number], users[(number + 1) % 4], 10 + number) for number in range(len(users))
    ]
    for order in itertools.permutations(ring):
        shown = topic(fed([*visits, *order], 1))
        alive = [one for one in shown.values() if one.merged_into is None]
        assert [str(one.profile_id) for one in alive] == [profile_id(users[0])]
        assert {str(one.merged_into) for one in shown.values() if one.merged_into} == {
            profile_id(users[0])
        }


@pytest.mark.parametrize(
    "kind", ["profile_merge_requested", "profile_unmerge_requested", "aliased"]
)
def test_what_somebody_asks_about_one_identifier_alone_changes_nothing(kind: str) -> None:
    field = "previous" if kind == "aliased" else "other"
    named: dict[str, Any] = {field: ADA}
    run = fed([touchpoint(ADA, kind=kind, **named)])
    [person] = living(run).values()
    assert person["identifiers"] == [("user_id", "ada")]
    assert person["refused_links"] == 0
    assert [len(one.links) + len(one.apart) for one in components(run)] == [0]


# -- unmerges --------------------------------------------------------------------------------------


@given(
    histories(12),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
    st.integers(1, 12),
)
@settings(max_examples=150, deadline=None)
def test_merge_then_unmerge_equals_a_control_that_never_merged(
    history: list[Touchpoint], pairs: list[tuple[str, str]], dice: Any, batch: int
) -> None:
    """The control heard the same unmerges, and of the merges only that somebody said something."""
    merges, controls, unmerges = [], [], []
    for number, (one, other) in enumerate(pairs):
        said: dict[str, Any] = {
            "at_s": 300_000 + number,
            "message": f"merge {number}",
            "received_at": START + timedelta(days=20, seconds=number),
        }
        merges.append(merge(one, other, **said))
        controls.append(merge(one, one, **said))
        said |= {"at_s": 400_000 + number, "message": f"unmerge {number}"}
        unmerges.append(unmerge(one, other, **said))
    late = dice.sample([*merges, *unmerges], k=2 * len(pairs))
    parted = fed([*history, *late], batch)
    control = fed([*history, *controls, *unmerges], batch)
    assert living(parted) == living(control)
    assert ids_of_the_living(parted) == ids_of_the_living(control)


def ids_of_the_living(run: Run) -> set[bytes]:
    return {key for key, one in run.topic.items() if b'"merged_into":null' in one.value}


def test_who_comes_back_is_shown_under_their_own_id_again_over_the_redirect() -> None:
    run = fed([touchpoint(ADA, at_s=0), touchpoint(BOB, at_s=1), merge(ADA, BOB, 2)], 1)
    lost = topic(run)[profile_id(BOB)]
    assert str(lost.merged_into) == profile_id(ADA)
    run.take(unmerge(ADA, BOB, 3))
    back = topic(run)[profile_id(BOB)]
    assert back.merged_into is None
    assert back.version > lost.version
    assert back.behaviour.events == 1
    assert topic(run)[profile_id(ADA)].behaviour.by_kind == {
        "page_viewed": 1,
        "profile_merge_requested": 1,
        "profile_unmerge_requested": 1,
    }


def test_a_pair_set_apart_is_never_one_person_whatever_else_links_them() -> None:
    history = [
        touchpoint(ADA, MAIL, at_s=0),
        touchpoint(ADA, PHONE, at_s=1),
        touchpoint(MAIL, PHONE, at_s=2),
        unmerge(ADA, MAIL, 3),
    ]
    people = in_any_order(history)
    assert names_of(people) == {frozenset({"ada", "+491234567"}), frozenset({"x@x.example"})}
    for person in people.values():
        assert {one["reason"] for one in person["conflicts"]} == {"set_apart"}


def test_an_unmerge_of_what_was_never_merged_is_recorded_for_what_comes() -> None:
    history = [unmerge(ADA, MAIL, 5), touchpoint(ADA, MAIL, at_s=6)]
    people = in_any_order(history)
    assert names_of(people) == {frozenset({"ada"})}, "no event counts for the address"
    [person] = people.values()
    assert person["conflicts"] == [
        {
            "kinds": ("email", "user_id"),
            "reason": "set_apart",
            "event_id": str(history[0].event_id),
            "at": history[0].occurred_at,
        }
    ]


def test_of_a_pair_the_newest_word_holds_and_what_came_before_does_not_matter() -> None:
    words = [merge(ADA, BOB, 1), unmerge(BOB, ADA, 2), merge(BOB, ADA, 3)]
    assert len(in_any_order([touchpoint(ADA), touchpoint(BOB), *words])) == 1
    words.append(unmerge(ADA, BOB, 4))
    assert len(in_any_order([touchpoint(BOB), *words])) == 2


def test_an_unmerge_parts_what_events_joined_and_a_later_merge_lifts_it() -> None:
    history = [touchpoint(ADA, MAIL, at_s=0), unmerge(ADA, MAIL, 1), touchpoint(MAIL, at_s=2)]
    assert names_of(in_any_order(history)) == {frozenset({"ada"}), frozenset({"x@x.example"})}
    assert len(in_any_order([*history, merge(ADA, MAIL, 3)])) == 1


def test_a_merge_does_not_lift_an_unmerge_of_another_pair() -> None:
    history = [
        touchpoint(ADA, MAIL, at_s=0),
        touchpoint(BOB, PHONE, at_s=1),
        unmerge(ADA, BOB, 2),
        merge(MAIL, PHONE, 3),
    ]
    people = in_any_order(history)
    assert len(people) == 2
    assert {p["refused_links"] for p in people.values()} == {2}, "the pair, and the merge"


# -- who may link ----------------------------------------------------------------------------------


def test_a_public_key_joins_a_visitor_to_a_person_but_no_two_known_people() -> None:
    visit = touchpoint("anonymous_id:a", at_s=0, public=True)
    login = touchpoint(ADA, "anonymous_id:a", at_s=1, public=True)
    forged = touchpoint(ADA, MAIL, at_s=2, public=True)
    people = in_any_order([visit, login, forged, touchpoint(MAIL, at_s=3)])
    assert names_of(people) == {frozenset({"ada", "a"}), frozenset({"x@x.example"})}
    for person in people.values():
        assert [one["reason"] for one in person["conflicts"]] == ["public_key"]


def test_a_public_key_does_not_join_two_known_people_by_way_of_a_visitor() -> None:
    history = [
        touchpoint(ADA, "anonymous_id:a", at_s=0, public=True),
        touchpoint(MAIL, "anonymous_id:a", at_s=1, public=True),
        touchpoint(MAIL, at_s=2),
    ]
    assert names_of(in_any_order(history)) == {frozenset({"ada", "a"}), frozenset({"x@x.example"})}


def test_what_a_server_says_counts_whether_a_public_key_said_it_before_or_not() -> None:
    history = [
        touchpoint(ADA, MAIL, at_s=0, public=True, message="forged or not"),
        touchpoint(ADA, MAIL, at_s=1, message="true"),
    ]
    [person] = in_any_order(history).values()
    assert person["refused_links"] == 0


def test_requests_of_public_keys_have_no_effect_and_are_shown() -> None:
    asked = [
        merge(ADA, BOB, 1, public=True),
        touchpoint(BOB, at_s=2),
        touchpoint(ADA, MAIL, at_s=3),
        unmerge(ADA, MAIL, 4, public=True),
    ]
    people = in_any_order(asked)
    assert names_of(people) == {frozenset({"ada", "x@x.example"}), frozenset({"bob"})}
    refused = {person["profile_id"]: person["refused_links"] for person in people.values()}
    assert refused == {profile_id(ADA): 2, profile_id(BOB): 1}
    assert {c["reason"] for p in people.values() for c in p["conflicts"]} == {"public_key"}


def test_a_public_key_makes_nobody_a_hub() -> None:
    workspace = limited(hub_degree_max=2)
    forged = [
        touchpoint(ADA, f"email:e{number}@x.example", at_s=number, public=True)
        for number in range(5)
    ]
    run = fed([*forged, touchpoint(ADA, PHONE, at_s=9)], 2, workspace)
    person = topic(run)[profile_id(ADA)]
    assert [one.value for one in person.identifiers] == ["ada", "+491234567"]
    assert person.refused_links == 5
    assert max(len(one.nodes) for one in components(run)) == 2, "nobody else's component grows"


# -- limits with a window, and what the snapshot tells ---------------------------------------------


def with_window(days: float) -> Workspace:
    workspace = limited(user_id=1, phone=1)
    kinds = tuple(
        rule.model_copy(update={"window_days": days if rule.kind == "user_id" else None})
        for rule in workspace.identity.kinds
    )
    identity = workspace.identity.model_copy(update={"kinds": kinds})
    return workspace.model_copy(update={"identity": identity})


def test_a_limit_with_a_window_counts_only_what_joined_within_it() -> None:
    day = 86_400
    history = [
        touchpoint(ADA, MAIL, at_s=0),
        touchpoint(BOB, MAIL, at_s=20 * day),
        touchpoint("user_id:eve", MAIL, at_s=31 * day),
    ]
    people = in_any_order(history, with_window(30))
    assert names_of(people) == {frozenset({"ada", "x@x.example", "eve"}), frozenset({"bob"})}


@given(histories(), st.integers(1, 30), st.sampled_from([0.3, 1.0]))
@settings(max_examples=60, deadline=None)
def test_profiles_equal_the_reference_when_limits_have_windows(
    history: list[Touchpoint], batch: int, days: float
) -> None:
    workspace = with_window(days)
    assert living(fed(history, batch, workspace)) == profiles_of(history, workspace, SALT)


def test_a_refused_link_still_counts_its_event_for_the_strongest_identifier() -> None:
    history = [
        touchpoint(ADA, MAIL, at_s=0),
        touchpoint(BOB, MAIL, at_s=1, kind="order_completed", order_id="1", total=dict(EUR_5)),
    ]
    people = in_any_order(history)
    bought = {person["profile_id"]: person["purchases"]["orders"] for person in people.values()}
    assert bought == {profile_id(ADA): 0, profile_id(BOB): 1}


EUR_5 = {"amount": "5.00", "currency": "USD"}


def test_conflicts_are_the_newest_few_and_carry_no_values() -> None:
    history = [touchpoint(f"user_id:u{number}", MAIL, at_s=number) for number in range(9)]
    run = fed(history, 4)
    owner = next(one for one in topic(run).values() if len(one.identifiers) == 2)
    assert owner.refused_links == 8
    assert [one.event_id for one in owner.conflicts] == [
        event.event_id for event in reversed(history[4:])
    ]
    said = json.loads(run.topic[str(owner.profile_id).encode()].value)["conflicts"]
    assert "x@x.example" not in json.dumps(said)
    assert said[0].keys() == {"kinds", "reason", "event_id", "at"}


def test_a_pair_that_was_set_apart_costs_no_quality_and_one_that_a_limit_refuses_does() -> None:
    """Somebody has looked at it: both are known as well as if nobody had ever named the two."""
    visits = [touchpoint(ADA, at_s=0), touchpoint(BOB, at_s=1)]
    [*parted] = living(fed([*visits, merge(ADA, BOB, 2), unmerge(ADA, BOB, 3)])).values()
    [*control] = living(fed([*visits, merge(ADA, ADA, 2), unmerge(ADA, ADA, 3)])).values()
    [*refused] = living(fed([*visits, touchpoint(ADA, MAIL), touchpoint(BOB, MAIL)])).values()
    told = [
        sorted((one["refused_links"], one["quality"]["conflicts"]) for one in people)
        for people in (parted, control, refused)
    ]
    assert told == [[(1, 0), (1, 0)], [(0, 0), (0, 0)], [(1, 1), (1, 1)]]
    scores = [sorted(one["quality"]["score"] for one in people) for people in (parted, control)]
    assert scores[0] == scores[1]
