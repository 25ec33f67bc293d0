"""What PostHog's SDKs send becomes the touchpoint that a Segment call would have become."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letter import Reason
from services.ingest.domain.posthog import SPECIAL, call_of
from services.ingest.domain.refusal import Refusal
from tests.unit.ingest_builders import KEY, World, original

LIBRARY = {"$lib": "posthog-python", "$lib_version": "7.91.1", "$os": "Linux"}


def event(name: object = "Wishlist Shared", **more: Any) -> dict[str, Any]:
    return {
        "event": name,
        "distinct_id": "u-1",
        "uuid": "5350db9b-d779-4db7-9e99-d422b889df57",
        "timestamp": "2026-03-04T05:06:07+00:00",
        "properties": LIBRARY,
    } | more


def with_properties(name: str, **properties: Any) -> dict[str, Any]:
    return event(name, properties=LIBRARY | properties)


def sent(*events: dict[str, Any], path: str = "/batch/") -> World:
    world = World()
    answer = world.send(path, {"api_key": KEY, "batch": list(events)}, auth=None)
    assert (answer.status_code, answer.json()) == (200, {"status": 1})
    return world


def only(one: dict[str, Any]) -> Any:
    [touchpoint] = sent(one).touchpoints
    return touchpoint


def names(touchpoint: Any) -> list[tuple[str, str]]:
    return [(one.kind, one.value) for one in touchpoint.identifiers]


@pytest.mark.parametrize("path", ["/batch/", "/batch", "/capture/", "/e/", "/i/v0/e/"])
def test_every_path_of_theirs_takes_a_batch_and_a_single_event(path: str) -> None:
    assert len(sent(event(), event(uuid="another"), path=path).touchpoints) == 2
    world = World()
    assert world.send(path, event() | {"api_key": KEY}, auth=None).json() == {"status": 1}
    assert len(world.touchpoints) == 1


def test_the_uuid_is_the_message_id_and_the_rest_is_where_segment_has_it() -> None:
    touchpoint = only(with_properties("Wishlist Shared", colour="red", utm_source="mail"))
    assert touchpoint.message_id == event()["uuid"]
    assert names(touchpoint) == [("user_id", "u-1")]
    assert touchpoint.properties.name == "Wishlist Shared"
    assert touchpoint.properties.properties == {"colour": "red", "utm_source": "mail"}
    assert touchpoint.context["library"] == {"name": "posthog-python", "version": "7.91.1"}
    assert touchpoint.context["campaign"] == {"source": "mail"}


def test_known_events_are_of_the_same_kinds_as_segments() -> None:
    order = with_properties("Order Completed", order_id="1", total=29.33, currency="USD")
    assert only(order).properties.kind == "order_completed"


def test_the_clock_is_corrected_by_sent_at() -> None:
    world = World()
    body = {"api_key": KEY, "batch": [event()], "sent_at": "2026-03-04T05:06:17Z"}
    assert world.send("/batch/", body, auth=None).status_code == 200
    [touchpoint] = world.touchpoints
    assert (touchpoint.received_at - touchpoint.occurred_at).total_seconds() == 10


@pytest.mark.parametrize(
    "marks",
    [{"$is_identified": False}, {"$process_person_profile": False}, {"$device_id": "u-1"}],
)
def test_who_is_said_to_be_anonymous_is(marks: dict[str, Any]) -> None:
    assert names(only(with_properties("Seen", **marks))) == [("anonymous_id", "u-1")]


def test_identify_joins_the_anonymous_id_and_sets_traits() -> None:
    touchpoint = only(
        with_properties("$identify", **{"$anon_distinct_id": "a-1", "$set": {"city": "Rome"}})
    )
    assert touchpoint.properties.traits == {"city": "Rome"}
    assert names(touchpoint) == [("user_id", "u-1"), ("anonymous_id", "a-1")]


def test_set_is_an_identify_wherever_it_is_said_and_names_the_person() -> None:
    touchpoint = only(event("$set", **{"$set": {"email": "Ada@X.example"}}))
    assert touchpoint.properties.traits == {"email": "Ada@X.example"}
    assert ("email", "ada@x.example") in names(touchpoint)
    anonymous = with_properties("$set", **{"$is_identified": False, "$set": {"city": "Rome"}})
    assert names(only(anonymous)) == [("anonymous_id", "u-1")]


def test_an_alias_joins_an_earlier_id() -> None:
    """On the wire the earlier id is the distinct id, and the new one is called alias (ran)."""
    alias = with_properties("$create_alias", distinct_id="anon-1", alias="u-1")
    touchpoint = only(alias | {"distinct_id": "anon-1"})
    assert names(touchpoint) == [("user_id", "u-1")]
    previous = touchpoint.properties.previous
    assert (previous.kind, previous.value) == ("anonymous_id", "anon-1")


@pytest.mark.parametrize(
    ("kind", "account", "said"),
    [("company", "acme", None), ("project", "project:acme", "project")],
)
def test_a_group_is_an_account(kind: str, account: str, said: str | None) -> None:
    group = {"$group_type": kind, "$group_key": "acme", "$group_set": {"name": "Acme"}}
    properties = only(with_properties("$groupidentify", **group)).properties
    assert (properties.kind, properties.account_id) == ("account_linked", account)
    assert properties.account_kind == said


def test_pages_and_screens_are_views() -> None:
    page = only(with_properties("$pageview", **{"$current_url": "https://x.example/a"}))
    assert (page.properties.kind, page.properties.url) == ("page_viewed", "https://x.example/a")
    assert page.channel == "web"
    screen = only(with_properties("$screen", **{"$screen_name": "Cart"}))
    assert (screen.properties.kind, screen.properties.name) == ("page_viewed", "Cart")
    assert screen.channel == "app"


def test_events_of_posthogs_own_are_kept_whole() -> None:
    properties = only(with_properties("$exception", **{"$exception_list": [1]})).properties
    assert (properties.kind, properties.name) == ("custom", "$exception")
    assert properties.properties["$exception_list"] == [1]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (event(None), Reason.NO_EVENT_NAME),
        (event(properties=[1]), Reason.BAD_PROPERTIES),
        (event(distinct_id=None), Reason.NO_IDENTIFIER),
        (event(uuid=["a"]), Reason.BAD_IDENTIFIER),
        (event(timestamp="yesterday"), Reason.BAD_TIME),
    ],
)
def test_what_is_refused_is_kept_as_it_came(wrong: dict[str, Any], reason: Reason) -> None:
    world = sent(wrong, event(uuid="right"))
    assert (world.reasons, len(world.touchpoints)) == ([reason], 1)
    assert json.loads(original(world.letters[0])) == wrong


def test_a_wrong_key_and_a_body_that_is_none_are_told() -> None:
    world = World()
    wrong = world.send("/batch/", {"api_key": "no", "batch": [event()]}, auth=None)
    assert (wrong.status_code, wrong.json()["code"]) == (401, "unauthorized")
    assert world.send("/batch/", b"[1]", auth=None).status_code == 400
    assert world.send("/batch/", b"{", auth=None).status_code == 400
    assert world.publisher.outputs == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
fields = st.sampled_from(["distinct_id", "uuid", "timestamp", "properties", "$set", "event"])
marks = st.sampled_from(
    ["$set", "$lib", "$device_id", "$group_key", "$group_type", "alias", "distinct_id", "$os"]
)
events = st.builds(
    lambda name, own, properties, others: {"event": name, **own, "properties": properties} | others,
    st.sampled_from([*SPECIAL, "Seen", "Order Completed", "$exception"]),
    st.dictionaries(fields, anything, max_size=4),
    st.dictionaries(marks, anything, max_size=5),
    st.dictionaries(fields, anything, max_size=1),
)


@given(events)
def test_whatever_an_event_holds_it_is_translated_or_refused(wrong: dict[str, Any]) -> None:
    result = call_of(wrong)
    assert isinstance(result, Refusal) or isinstance(result["type"], str)


@given(st.lists(events, min_size=1, max_size=5))
def test_every_event_is_let_in_or_kept_and_none_is_our_mistake(wrong: list[dict[str, Any]]) -> None:
    world = sent(*wrong)
    assert len(world.publisher.outputs) == len(wrong)
    assert Reason.POISON not in world.reasons
