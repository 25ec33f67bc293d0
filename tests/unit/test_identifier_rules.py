"""Whom the identity rules of a workspace find in a call, and how they spell them."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.dead_letter import Reason
from schemas.identifier import IDENTIFIER_KINDS, normalised
from services.common.spelling import PLAIN, Spellings
from services.common.workspace import Identity
from services.ingest.domain.identity import Names
from tests.fuzz.rules import IDENTITY as RULES
from tests.unit.identity_builders import (
    dropped,
    identify,
    kept,
    let_in,
    who,
    with_rules,
)
from tests.unit.ingest_builders import WORKSPACE, accepted, refused, track

ADA_SHA256 = sha256(b"ada@x.example").hexdigest()
SPELLINGS = Spellings(Identity.model_validate(RULES))
NAMES = Names(Identity.model_validate(RULES))


def anonymous(**more: Any) -> dict[str, Any]:
    return track(anonymousId="a-1") | {"userId": None} | more


@pytest.mark.parametrize(
    "written",
    [
        *("020 7946 0000", "(020) 7946-0000", "+44 20 7946 0000", "0044 20 7946 0000"),
        *("+44 (0)20 7946 0000", "\u202a+44 20 7946 0000\u202c"),
        *("٠٢٠ ٧٩٤٦ ٠٠٠٠", "０２０７９４６００００"),
    ],
)
def test_a_number_of_the_region_is_one_however_it_is_written(written: str) -> None:
    assert who(identify(phone=written)) == [("user_id", "u-1"), ("phone", "+442079460000")]


@given(st.text("+0123456789 ()-.", min_size=6, max_size=24))
@example("+44 (0)0 97946-0000")  # found by make fuzz: reading takes one of two zeros
def test_what_was_spelled_once_is_spelled_so_again(written: str) -> None:
    for kind in ("phone", "whatsapp"):
        spelled = NAMES.cleaned(kind, written)
        if isinstance(spelled, str):
            assert NAMES.cleaned(kind, spelled) == spelled


def test_a_number_of_another_country_needs_its_code() -> None:
    assert ("phone", "+4930123456") in who(identify(phone="+49 30 123456"))
    assert ("whatsapp", "+4930123456") in who(
        anonymous(context={"externalIds": [{"type": "whatsapp", "id": "030 123456"}]})
    )


@pytest.mark.parametrize(
    "written", ["946 0000", "7946 0000", "12345", "+44 1", "020 7946 0000 ext 5", "a word"]
)
def test_what_can_not_be_called_is_dropped_with_a_note(written: str) -> None:
    """A number without its area code would make one person of all who have such a one."""
    touchpoint = let_in(identify(phone=written))
    assert [one.kind for one in touchpoint.identifiers] == ["user_id"]
    [(kind, field, why)] = dropped(touchpoint)
    assert (kind, field) == ("phone", "phone")
    assert written not in why


def test_without_a_region_digits_stay_as_they_are() -> None:
    call = identify(phone="020 7946 0000")
    assert who(call, WORKSPACE)[1:] == [("phone", "02079460000")]


def test_a_blocked_number_is_blocked_however_it_is_written() -> None:
    for written in ("020 7946 0999", "+442079460999"):
        [(kind, _, why)] = dropped(let_in(identify(phone=written)))
        assert (kind, why) == ("phone", "phone is a blocked value, it names nobody")


@pytest.mark.parametrize(
    "written",
    [
        *("Ada@X.example", " ada@x.example ", "ａｄａ＠x.example", "ADA@X.EXAMPLE"),
        *("a\u200bda@x.example\ufeff", "\u202aada@x.example\u202c"),
    ],
)
def test_an_address_is_one_however_it_is_written(written: str) -> None:
    assert who(identify(email=written), WORKSPACE)[1:] == [("email", "ada@x.example")]


def test_the_host_of_an_address_is_as_the_net_knows_it() -> None:
    for written in (
        "ada@MÜNCHEN.example",
        "ada@xn--mnchen-3ya.EXAMPLE",
        "ada@mu\u0308nchen.example",
    ):
        assert normalised("email", written) == "ada@xn--mnchen-3ya.example"
    assert normalised("email", "ada@straße.example") == "ada@xn--strae-oqa.example"


def test_kinds_that_are_declared_are_found_in_their_places_strongest_first() -> None:
    call = identify(crm_id=4711, work_email="Ada@x.example", email="ada@y.example", phone="x")
    assert who(call | {"anonymousId": "a-1"}) == [
        ("crm_id", "4711"),
        ("user_id", "u-1"),
        ("email", "ada@y.example"),
        ("email", "ada@x.example"),
        ("email_sha256", sha256(b"ada@y.example").hexdigest()),
        ("email_sha256", ADA_SHA256),
        ("anonymous_id", "a-1"),
    ]
    inside = track(properties={"crm": {"id": "C-1"}})
    assert who(inside) == [("crm_id", "C-1"), ("user_id", "u-1")]


def test_external_ids_are_found_by_their_type() -> None:
    listed = [
        {"type": "crm_id", "id": "C-1", "collection": "users"},
        {"type": "store.card", "id": 17},
        {"type": "card", "id": "18"},
        {"type": "crm_id", "id": "ACME", "collection": "accounts"},
        {"type": "unheard of", "id": "x"},
        {"type": ["crm_id"], "id": "x"},
        "nothing",
    ]
    for name in ("externalIds", "externalId"):
        assert who(anonymous(context={name: listed})) == [
            ("crm_id", "C-1"),
            ("loyalty_card", "17"),
            ("loyalty_card", "18"),
            ("anonymous_id", "a-1"),
        ]
    assert who(anonymous(context={"externalIds": {"type": "crm_id"}})) == [("anonymous_id", "a-1")]


def test_external_ids_of_a_workspace_without_rules_are_left_alone() -> None:
    listed = [{"type": "crm_id", "id": "C-1"}, {"type": "user_id", "id": "u-2"}]
    assert who(anonymous(context={"externalIds": listed}), WORKSPACE) == [("anonymous_id", "a-1")]


def test_a_hash_meets_the_address_that_it_is_of() -> None:
    known = who(identify(email="Ada@X.example"))
    assert ("email_sha256", ADA_SHA256) in known
    listed = [{"type": "email_sha256", "id": ADA_SHA256.upper()}]
    assert who(anonymous(context={"externalIds": listed}))[0] == ("email_sha256", ADA_SHA256)


@pytest.mark.parametrize("junk", ["ada@x.example", "ab12", "z" * 64, sha256(b"").hexdigest()])
def test_what_is_no_hash_is_dropped_with_a_note(junk: str) -> None:
    listed = [{"type": "email_sha256", "id": junk}]
    touchpoint = let_in(anonymous(context={"externalIds": listed}))
    [(kind, field, _)] = dropped(touchpoint)
    assert (kind, field) == ("email_sha256", "context.externalIds")


def test_the_hash_of_a_blocked_address_is_blocked() -> None:
    kinds = [
        {"kind": "email", "limit": 5, "blocked": ["null@null.com"]},
        {"kind": "email_sha256", "limit": 5, "spelling": {"hash_of": {"kind": "email"}}},
    ]
    listed = [{"type": "email_sha256", "id": sha256(b"null@null.com").hexdigest()}]
    call = anonymous(context={"externalIds": listed})
    assert who(call, with_rules({"kinds": kinds})) == [("anonymous_id", "a-1")]


def test_texts_are_spelled_by_the_rules_of_their_kind() -> None:
    assert who(track(userId=" Ada-STRASSE ")) == [("user_id", "ada-strasse")]
    listed = [{"type": "till", "id": " 7 "}]
    assert ("till", " 7 ") in who(anonymous(context={"externalIds": listed}))


def test_patterns_block() -> None:
    [(kind, _, why)] = dropped(let_in(track(anonymousId="test-17")))
    assert (kind, why) == ("anonymous_id", "anonymous_id is a blocked value, it names nobody")
    assert who(track(anonymousId="a test-17"))[1] == ("anonymous_id", "a test-17")


def test_a_pattern_that_would_run_away_elsewhere_takes_no_time() -> None:
    """(a+)+$ against many a and a b tries 2**n ways in a backtracking engine: it would not end."""
    assert who(track(anonymousId="a" * 499 + "b"))[1][0] == "anonymous_id"


def test_more_identifiers_than_an_event_has_leave_the_weakest_out_with_notes() -> None:
    listed = [{"type": "card", "id": f"card-{number}"} for number in range(40)]
    touchpoint = let_in(track(anonymousId="a-1", context={"externalIds": listed}))
    assert len(touchpoint.identifiers) == 20
    assert touchpoint.identifiers[0].kind == "user_id"
    assert all("at most 20" in why for _, _, why in dropped(touchpoint))


def test_built_in_kinds_in_other_places_are_ranked_and_bounded_too() -> None:
    kinds = [
        {"kind": "user_id", "limit": 1},
        {"kind": "email", "limit": 5, "found_in": ["traits.work"], "external_ids": ["mail"]},
    ]
    listed = [{"type": "mail", "id": f"ada{number}@x.example"} for number in range(40)]
    call = identify(work="ada@x.example") | {"anonymousId": "a", "context": {"externalIds": listed}}
    found = who(call, with_rules({"kinds": kinds}))
    assert len(found) == 20
    assert found[:2] == [("user_id", "u-1"), ("email", "ada@x.example")]
    assert {kind for kind, _ in found[1:]} == {"email"}
    few = call | {"context": {"externalIds": listed[:1]}}
    assert [kind for kind, _ in who(few, with_rules({"kinds": kinds}))] == [
        *("user_id", "email", "email", "anonymous_id")
    ]


def test_other_people_are_spelled_as_ones_own() -> None:
    referred = {"kind": "phone", "value": "020 7946 0001"}
    said = let_in(track("customer_referred", properties={"referred": referred}))
    assert said.properties.model_dump()["referred"]["value"] == "+442079460001"
    other = {"kind": "crm_id", "value": "C-9"}
    call = track("profile_merge_requested", properties={"other": other})
    assert let_in(call).properties.model_dump()["other"] == other
    letter = kept(track("customer_referred", properties={"referred": {"kind": "x", "value": "1"}}))
    assert (letter.reason, letter.field) == (Reason.BAD_PROPERTIES, "referred")


def test_an_alias_may_be_of_a_declared_kind() -> None:
    call = {"type": "alias", "messageId": "m", "userId": "u1", "previousId": "C-1"}
    previous = let_in(call | {"previousKind": "crm_id"}).properties.model_dump()["previous"]
    assert previous == {"kind": "crm_id", "value": "C-1"}
    assert let_in(call | {"previousKind": "x"}).properties.model_dump()["previous"]["kind"] == (
        "user_id"
    )


@pytest.mark.parametrize("sign", ["\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\x00", "\n"])
def test_a_text_with_a_sign_that_nobody_sees_is_refused_in_words(sign: str) -> None:
    """Two ids that look the same are two; which one is meant nobody could tell."""
    letter = refused(track(userId=f"ada{sign}17"))
    assert letter.reason is Reason.BAD_IDENTIFIER
    assert letter.field == "userId"
    assert letter.detail == f"user_id holds a sign that can not be seen (U+{ord(sign):04X})"
    touchpoint = accepted(track(userId=f"ada{sign}17", anonymousId="a-1"))
    assert dropped(touchpoint) == [("user_id", "userId", letter.detail)]


def test_letters_from_right_to_left_name_somebody() -> None:
    for name in ("עדה-17", "آدا١٧", "ada عدا"):
        assert who(track(userId=name), WORKSPACE) == [("user_id", normalised("user_id", name))]


@pytest.mark.parametrize("kind", ["userId", "anonymousId", "email", "phone"])
def test_ten_thousand_characters_are_refused_in_words_and_kept_whole(kind: str) -> None:
    long = ("1" if kind == "phone" else "x") * 10_000 + ("@x.example" if kind == "email" else "")
    call = track(userId=None)
    if kind in ("email", "phone"):
        call["properties"] = {kind: long}
    else:
        call[kind] = long
    letter = refused(call)
    assert letter.reason is Reason.BAD_IDENTIFIER
    assert f"has {len(long)} characters, at most 500" in letter.detail
    assert long not in letter.detail
    assert len(letter.original) > 10_000


@given(st.sampled_from(SPELLINGS.kinds), st.text(max_size=40))
def test_a_spelling_stays_as_it_is(kind: str, value: str) -> None:
    """Also where the schemas spell it again, who know no workspace."""
    clean = NAMES.cleaned(kind, value)
    if isinstance(clean, str):
        assert NAMES.cleaned(kind, clean) == clean
        if kind in IDENTIFIER_KINDS:
            assert normalised(kind, clean) == clean


def said_of(spell: Callable[[str, str], object], kind: str, value: str) -> object:
    """The spelling, or what is wrong."""
    try:
        return spell(kind, value)
    except ValueError as error:
        return f"wrong: {error}"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_any_address_is_spelled_once_or_refused_in_words(value: str) -> None:
    for written in (f"{value}@x.example", f"ada@{value}", f"{value}@{value}"):
        said = str(said_of(normalised, "email", written))
        assert said.startswith("wrong: email ") or normalised("email", said) == said


@given(st.sampled_from(IDENTIFIER_KINDS), st.text(max_size=40))
def test_a_workspace_without_rules_spells_as_the_schemas(kind: str, value: str) -> None:
    assert said_of(PLAIN.normalised, kind, value) == said_of(normalised, kind, value)
