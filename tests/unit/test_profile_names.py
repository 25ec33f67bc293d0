"""Identifiers that nobody expects: what profile makes of them, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.base import to_json
from schemas.dead_letter import Reason
from schemas.profile import Profile
from tests.unit.profile_builders import WORKSPACE, Run, fed, touchpoint

#: Right to left, zero width, combining, outside the first plane, and what JSON escapes.
ODD = (
    "مريم\u200f",
    "\u202eada\u202c",
    "a\u200bd\u200da",
    "\ufeffada",
    "ada\u0301",
    "𝒶𝒹𝒶👩‍👩‍👧",
    "\x00\x1f\u2028",
    '"\\',
    "א" * 500,
)


def sent(value: str, **more: Any) -> bytes:
    """A touchpoint of this user, past the checks of the schema."""
    written = json.loads(to_json(touchpoint("user_id:VALUE", "email:x@x.example", **more)))
    for name in written["identifiers"]:
        name["value"] = name["value"].replace("VALUE", value)
    return json.dumps(written).encode()


@pytest.mark.parametrize("value", ODD)
def test_any_unicode_is_a_name_of_its_own_and_comes_out_as_it_went_in(value: str) -> None:
    run = Run()
    run.take_raw(sent(value), sent(value, at_s=1))
    [output] = [one for one in run.topic.values() if b'"merged_into":null' in one.value]
    shown = Profile.model_validate_json(output.value)
    assert [one.value for one in shown.identifiers] == [value, "x@x.example"]
    assert shown.behaviour.events == 2


def test_names_that_look_alike_are_different_people() -> None:
    run = fed([touchpoint(f"user_id:{value}", at_s=n) for n, value in enumerate(("ada", *ODD[:5]))])
    assert len(run.topic) == 6


@pytest.mark.parametrize("value", ["x" * 10_000, "\u200b" * 501, ""])
def test_an_identifier_too_long_or_empty_is_a_dead_letter_that_says_so(value: str) -> None:
    run = Run()
    outputs = run.take_raw(sent(value), to_json(touchpoint("user_id:bob")))
    [letter] = [json.loads(one.value) for one in outputs if one.topic == "dead_letters"]
    assert letter["reason"] == Reason.BAD_IDENTIFIER
    assert f"{len(value)} characters" in letter["detail"]
    assert value[:60] not in letter["detail"] or not value
    assert len(run.topic) == 1, "the other event counts"


@pytest.mark.parametrize(
    ("kind", "field"), [("aliased", "previous"), ("profile_merge_requested", "other")]
)
def test_so_it_is_with_the_other_identifier_of_an_alias_or_a_request(kind: str, field: str) -> None:
    named: dict[str, Any] = {field: "user_id:VALUE"}
    event = touchpoint("user_id:ada", kind=kind, **named)
    raw = to_json(event).replace(b"VALUE", b"x" * 10_000)
    [letter] = [json.loads(one.value) for one in Run().take_raw(raw)]
    assert letter["reason"] == Reason.BAD_IDENTIFIER


def test_half_a_character_is_a_dead_letter() -> None:
    raw = to_json(touchpoint("user_id:VALUE")).replace(b"VALUE", b"\\ud800")
    [letter] = [json.loads(one.value) for one in Run().take_raw(raw)]
    assert letter["reason"] in (Reason.MALFORMED_JSON, Reason.BAD_PROPERTIES)


def test_blocked_values_and_patterns_name_nobody_in_any_case_and_quoted() -> None:
    kinds = tuple(
        rule.model_copy(
            update={"blocked_patterns": (r"@internal\.example$", "^bot-")}
            if rule.kind == "email"
            else {}
        )
        for rule in WORKSPACE.identity.kinds
    )
    identity = WORKSPACE.identity.model_copy(update={"kinds": kinds})
    run = Run(WORKSPACE.model_copy(update={"identity": identity}))
    run.take(
        touchpoint("user_id:ada", "email:all@internal.example"),
        touchpoint("user_id:ada", "email:bot-7@x.example", at_s=1),
        touchpoint('user_id:"NULL"', "email:a@x.example", at_s=2),
        touchpoint("user_id:bob", kind="aliased", previous="email:me@internal.example", at_s=3),
    )
    shown = [Profile.model_validate_json(one.value) for one in run.topic.values()]
    assert sorted([name.value for name in one.identifiers] for one in shown) == [
        ["a@x.example"],
        ["ada"],
        ["bob"],
    ]
