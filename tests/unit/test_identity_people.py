"""Who is one person, under which id, and where the others' ids lead."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import to_json
from schemas.dead_letter import Reason
from schemas.profile import Profile
from schemas.touchpoint import ResolvedTouchpoint, Touchpoint
from services.profile.domain.component import TOGETHER, Component, Link, Node, kind_code
from services.profile.domain.ids import Hashes, uuid_text
from services.profile.domain.people import people
from services.profile.store import unpack
from services.profile.stream import rules_of
from tests.unit.profile_builders import (
    SALT,
    START,
    WORKSPACE,
    Run,
    fed,
    histories,
    limited,
    touchpoint,
)


def profile_id(name: str) -> str:
    kind, value = name.split(":", 1)
    return uuid_text(Hashes(SALT).node("demo", kind, value))


def topic(run: Run) -> dict[str, Profile]:
    return {
        key.decode(): Profile.model_validate_json(output.value) for key, output in run.topic.items()
    }


def resolved(run: Run) -> list[ResolvedTouchpoint]:
    return [
        ResolvedTouchpoint.model_validate_json(output.value)
        for output in run.outputs
        if output.topic == "touchpoints.resolved"
    ]


def components(run: Run) -> list[Component]:
    return [unpack(value[8:]) for key, value in run.redis.values.items() if key[:2] == b"c:"]


def test_a_visitor_keeps_their_id_when_they_say_who_they_are() -> None:
    run = fed([touchpoint("anonymous_id:a"), touchpoint("anonymous_id:a", "user_id:u", at_s=9)], 1)
    shown = topic(run)
    visitor = shown[profile_id("anonymous_id:a")]
    assert visitor.merged_into is None
    assert visitor.behaviour.events == 2
    assert shown[profile_id("user_id:u")].merged_into == visitor.profile_id
    assert [str(one.profile_id) for one in resolved(run)] == [profile_id("anonymous_id:a")] * 2


def test_the_younger_profile_of_a_merge_redirects_to_the_older() -> None:
    history = [
        touchpoint("user_id:u", at_s=0),
        touchpoint("email:e@x.example", at_s=10),
        touchpoint("user_id:u", "email:e@x.example", at_s=20),
    ]
    shown = topic(fed(history, 1))
    assert shown.keys() == {profile_id("user_id:u"), profile_id("email:e@x.example")}
    lost = shown[profile_id("email:e@x.example")]
    assert str(lost.merged_into) == profile_id("user_id:u")
    assert shown[profile_id("user_id:u")].behaviour.events == 3


def test_a_redirect_follows_when_its_profile_is_merged_again() -> None:
    history = [
        touchpoint("user_id:u", at_s=0),
        touchpoint("email:e@x.example", at_s=10),
        touchpoint("phone:+491234567", at_s=20),
        touchpoint("email:e@x.example", "phone:+491234567", at_s=30),
        touchpoint("user_id:u", "email:e@x.example", at_s=40),
    ]
    shown = topic(fed(history, 1))
    for lost in ("email:e@x.example", "phone:+491234567"):
        assert str(shown[profile_id(lost)].merged_into) == profile_id("user_id:u")


@given(histories(), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_every_id_that_was_ever_shown_leads_to_a_living_profile(
    history: list[Touchpoint], batch: int
) -> None:
    for workspace in (WORKSPACE, limited(email=1, phone=1, anonymous_id=1)):
        run = fed(history, batch, workspace)
        shown = topic(run)
        for one in shown.values():
            if one.merged_into is not None:
                assert shown[str(one.merged_into)].merged_into is None
        for event in resolved(run):
            assert str(event.profile_id) in shown


@given(histories(), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_the_newest_snapshots_are_what_the_topic_holds(
    history: list[Touchpoint], batch: int
) -> None:
    run = fed(history, batch)
    for output in run.topic.values():
        (again,) = run.handler.newest([output])
        was, now = json.loads(output.value), json.loads(again.value)
        for changing in ("version", "updated_at"):
            was.pop(changing), now.pop(changing)
        assert now == was
        assert again.version >= output.version


def test_two_users_of_one_address_stay_two_people() -> None:
    history = [
        touchpoint("user_id:u1", "email:home@x.example", at_s=0),
        touchpoint("user_id:u2", "email:home@x.example", at_s=10),
    ]
    for order in (history, history[::-1]):
        shown = topic(fed(order, 1))
        assert {len(one.identifiers) for one in shown.values() if not one.merged_into} == {1, 2}
        assert {one.refused_links for one in shown.values()} == {1}
        first = shown[profile_id("user_id:u1")]
        assert [one.value for one in first.identifiers] == ["u1", "home@x.example"]


def test_a_kiosk_joins_nobody_and_its_component_does_not_grow() -> None:
    workspace = limited(hub_degree_max=3)
    history = [
        touchpoint(f"email:e{number}@x.example", "anonymous_id:kiosk", at_s=number)
        for number in range(12)
    ]
    run = fed(history, 2, workspace)
    living = [one for one in topic(run).values() if one.merged_into is None]
    assert [len(one.identifiers) for one in living] == [1] * 12
    assert max(len(component.nodes) for component in components(run)) <= 5


def test_blocked_identifiers_are_nobody() -> None:
    run = fed([touchpoint("user_id:undefined", "email:e@x.example")])
    (shown,) = topic(run).values()
    assert [one.value for one in shown.identifiers] == ["e@x.example"]
    refused = Run()
    (letter,) = refused.take(touchpoint("user_id:null"))
    assert json.loads(letter.value)["reason"] == Reason.NO_IDENTIFIER
    assert refused.redis.values == {}


def test_an_alias_joins_two_identifiers_and_one_of_itself_does_nothing() -> None:
    previous = {"kind": "anonymous_id", "value": "a"}
    history = [
        touchpoint("anonymous_id:a", at_s=0),
        touchpoint("user_id:u", at_s=5, kind="aliased", previous=previous),
        touchpoint("anonymous_id:a", at_s=6, kind="aliased", previous=previous),
    ]
    run = fed(history, 1)
    (living,) = [one for one in topic(run).values() if one.merged_into is None]
    assert living.behaviour.events == 3
    assert len(components(run)[0].links) == 1


def test_an_event_of_an_unknown_workspace_or_unreadable_is_a_dead_letter() -> None:
    run = Run()
    known = touchpoint("user_id:u")
    foreign = known.model_copy(update={"workspace": "elsewhere"})
    outputs = run.take(known, foreign) + run.take_raw(b"", b"{", b"[]", b"\xff", b'{"workspace":1}')
    letters = [json.loads(one.value) for one in outputs if one.topic == "dead_letters"]
    assert {letter["reason"] for letter in letters} == {
        Reason.UNKNOWN_WORKSPACE,
        Reason.MALFORMED_JSON,
        Reason.BAD_PROPERTIES,
    }
    assert len(letters) == 6


def test_a_kind_that_only_a_later_version_knows_is_counted_under_its_name() -> None:
    run = Run()
    value = to_json(touchpoint("user_id:u", kind="custom", name="x"))
    assert value.count(b'"kind":"custom"') == 1
    run.take_raw(value.replace(b'"kind":"custom"', b'"kind":"store_entered"'))
    (shown,) = topic(run).values()
    assert shown.behaviour.by_kind == {"store_entered": 1}


def test_what_is_wrong_with_a_known_kind_is_named_with_its_place_and_workspace() -> None:
    money = {"amount": "9.99", "currency": "USD"}
    order = touchpoint("user_id:u", kind="order_completed", order_id="SO-1", total=money)
    written = to_json(order)
    (letter,) = Run().take_raw(written.replace(b'"order_id":"SO-1"', b'"order_id":1'))
    said = json.loads(letter.value)
    assert (said["reason"], said["workspace"]) == (Reason.BAD_PROPERTIES, "demo")
    assert "$.properties.order_id" in said["detail"]


def test_nodes_that_no_link_joins_are_not_one_person() -> None:
    """As an erasure may leave them."""
    nodes = [Node(number.to_bytes(16, "big"), number, str(number)) for number in range(3)]
    link = Link(0, 1, START, b"e" * 16, TOGETHER)
    found = people(Component("demo", nodes, [link], []), rules_of(WORKSPACE))
    assert [one.places for one in found] == [(0, 1), (2,)]


def test_kinds_without_rules_are_the_weakest() -> None:
    rules = rules_of(WORKSPACE)
    assert rules.rank(kind_code("shoe size")) > rules.rank(kind_code("anonymous_id"))


def test_duplicates_are_dropped_within_a_batch_and_a_week_later() -> None:
    first = touchpoint("user_id:u", at_s=0, message="same")
    late = first.model_copy(update={"received_at": first.received_at.replace(day=11)})
    run = fed([first, first, late, late], 2)
    (shown,) = topic(run).values()
    assert shown.behaviour.events == 1
    assert len(resolved(run)) == 1


def test_nothing_of_a_refused_or_repeated_event_is_published() -> None:
    run = fed([touchpoint("user_id:u", message="same")])
    assert run.take(touchpoint("user_id:u", message="same")) == []
