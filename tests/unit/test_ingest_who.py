"""Under which names a call knows its person, and how events and routes are named."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.base import derived_id
from schemas.dead_letter import Reason
from schemas.identifier import IDENTIFIER_KINDS
from services.ingest.domain.ids import Router, event_id
from tests.unit.ingest_builders import accepted, refused, track, verdict_on


def properties(call: dict[str, Any]) -> dict[str, Any]:
    return accepted(call).properties.model_dump()


def identifiers(call: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.kind, each.value) for each in accepted(call).identifiers]


def test_identifiers_come_strongest_first_without_repeats() -> None:
    call = track(
        anonymousId="a-1",
        properties={"email": "Ada@X.example", "phone": "+44 20 7946 0000"},
        context={"traits": {"email": "ada@x.example"}},
    )
    known = identifiers(call)
    assert known == [
        ("user_id", "u-1"),
        ("email", "ada@x.example"),
        ("phone", "+442079460000"),
        ("anonymous_id", "a-1"),
    ]
    assert [kind for kind, _ in known] == list(IDENTIFIER_KINDS)


def test_context_traits_of_an_identify_count_as_traits() -> None:
    """RudderStack's Python SDK sends them only there."""
    context = {"traits": {"email": "ada@x.example", "city": "London"}}
    call = {"type": "identify", "userId": "u", "messageId": "m", "context": context}
    assert properties(call)["traits"] == context["traits"]
    assert ("email", "ada@x.example") in identifiers(call)


def test_numbers_are_ids_and_truth_values_are_not() -> None:
    assert identifiers(track(userId=17)) == [("user_id", "17")]
    assert identifiers(track(userId=17.0)) == [("user_id", "17")]
    assert refused(track(userId=True)).reason is Reason.BAD_IDENTIFIER


def test_a_blocked_or_malformed_identifier_is_dropped_and_noted_where_another_remains() -> None:
    touchpoint = accepted(track(userId="NULL", anonymousId="a-1", properties={"email": "none"}))
    assert [each.kind for each in touchpoint.identifiers] == ["anonymous_id"]
    dropped = touchpoint.context["ingest"]["identifiers_dropped"]
    assert [(each["kind"], each["field"]) for each in dropped] == [
        ("user_id", "userId"),
        ("email", "email"),
    ]


@pytest.mark.parametrize(
    "value", ["null", "Anonymous", "-1", "0", "00000000-0000", "x" * 10_000, {}]
)
def test_an_identifier_that_names_nobody_is_refused_where_it_is_the_only_one(value: object) -> None:
    assert refused(track(userId=value)).reason is Reason.BAD_IDENTIFIER


def test_a_call_without_any_identifier_is_refused() -> None:
    """Spec: userId or anonymousId is required, and it is still 200."""
    assert refused(track(userId=None)).reason is Reason.NO_IDENTIFIER
    assert refused(track(userId="")).reason is Reason.NO_IDENTIFIER


def test_traits_of_a_group_do_not_name_the_person() -> None:
    traits = {"email": "office@acme.example"}
    call = {"type": "group", "messageId": "m", "userId": "u", "groupId": "acme", "traits": traits}
    assert identifiers(call) == [("user_id", "u")]
    assert properties(call)["account_id"] == "acme"


def test_a_group_call_says_among_its_traits_that_somebody_left_and_of_what_kind_it_is() -> None:
    group = {"type": "group", "messageId": "m", "userId": "u", "groupId": "smith"}
    said = properties(group | {"traits": {"left": True, "account_kind": "household"}})
    assert (said["left"], said["account_kind"]) == (True, "household")
    other = properties(group | {"traits": {"left": "2019", "account_kind": 7}})
    assert (other["left"], other["account_kind"]) == (False, None)


def test_an_alias_to_itself_is_a_no_op_and_no_error() -> None:
    """analytics.js can send alias('u2', 'u1') as u1 -> u1."""
    call = {"type": "alias", "messageId": "m", "userId": "u1", "previousId": "u1"}
    assert properties(call)["previous"] == {"kind": "user_id", "value": "u1"}
    assert identifiers(call) == [("user_id", "u1")]


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"previousId": "u0", "anonymousId": "dev-1"}, "user_id"),
        ({"previousId": "dev-1", "anonymousId": "dev-1"}, "anonymous_id"),
        ({"previousId": "7b1f9c1e-58a7-4b0e-9a3c-3f8f0f1d2c3b"}, "anonymous_id"),
        ({"previousId": "dev-1", "previousKind": "anonymous_id"}, "anonymous_id"),
        ({"previousId": "old@x.example", "previousKind": "email"}, "email"),
    ],
)
def test_what_an_alias_joins_is_of_a_known_kind(more: dict[str, str], kind: str) -> None:
    call = {"type": "alias", "messageId": "m", "userId": "u1"} | more
    assert properties(call)["previous"]["kind"] == kind


def test_a_message_id_of_a_hundred_characters_is_refused() -> None:
    """Spec: fewer than 100 characters."""
    assert accepted(track(messageId="m" * 99)).message_id == "m" * 99
    letter = refused(track(messageId="m" * 100))
    assert (letter.reason, letter.field) == (Reason.BAD_IDENTIFIER, "messageId")


def test_a_call_without_message_id_gets_one_of_its_content() -> None:
    first, again = accepted(track(messageId=None)), accepted(track(messageId=None))
    other = accepted(track("Other", messageId=None))
    assert first.message_id == again.message_id != other.message_id
    assert first.event_id == again.event_id


def test_event_ids_are_derived_from_workspace_and_message_id() -> None:
    assert accepted(track()).event_id == derived_id("demo", "m-1")
    assert event_id("w", "ä\x00") == str(derived_id("w", "ä\x00"))


def test_a_routing_key_is_stable_and_says_nothing() -> None:
    keys = {verdict_on(track(messageId=str(n))).output.key for n in range(3)}
    assert keys == {Router("test salt", "demo").key("user_id", "u-1").encode()}
    assert b"u-1" not in keys.pop()
    assert Router("a", "demo").key("email", "x") != Router("b", "demo").key("email", "x")
    assert Router("a", "demo").key("email", "x") != Router("a", "other").key("email", "x")
