"""The suppression list: its hashes, its records, and how it is followed."""

from __future__ import annotations

import json
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identifier import IDENTIFIER_KINDS
from services.common.suppression import Act, Hashes, Listed, Writer, lifted, salt_mark
from services.ingest.domain.ids import Router
from tests.unit.ingest_builders import NOW, SALT
from tests.unit.suppression_builders import FakeMessage, FakeTopic, entry, followed

ADA = ("email", "ada@x.example")
ADA_HASH = Hashes(SALT, "demo").of(*ADA)
NAMES = st.tuples(st.sampled_from(IDENTIFIER_KINDS), st.text(min_size=1, max_size=20))


@given(NAMES, NAMES)
def test_a_hash_names_one_identifier_of_one_workspace_under_one_salt(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    hashes = Hashes(SALT, "demo")
    assert (hashes.of(*one) == hashes.of(*other)) == (one == other)
    assert hashes.of(*one) != Hashes(SALT, "other").of(*one)
    assert hashes.of(*one) != Hashes("another salt", "demo").of(*one)


@given(NAMES)
def test_nobody_can_tell_by_a_routing_key_who_is_suppressed(name: tuple[str, str]) -> None:
    assert Hashes(SALT, "demo").of(*name).hex() != Router(SALT, "demo").key(*name)


def test_what_is_typed_is_spelled_as_the_door_spells_it() -> None:
    writer = Writer(SALT, "demo")
    assert writer.hashed("email", " ADA@X.example\n") == ADA_HASH
    assert writer.hashed("phone", "0044 (20) 7946-0000") == writer.hashed("phone", "+442079460000")
    for kind, value in (("email", "ada"), ("phone", "12"), ("user_id", " "), ("name", "Ada")):
        with pytest.raises(ValueError, match=kind):
            writer.hashed(kind, value)


def test_the_identifier_is_nowhere_in_its_record() -> None:
    record = entry(*ADA)
    assert record.key == ADA_HASH.hex().encode()
    told = json.loads(record.value)
    assert (told["kind"], told["hash"], told["reason"]) == ("email", ADA_HASH.hex(), "asked")
    assert b"ada@" not in record.key + record.value + repr(record.headers).encode()
    assert lifted(ADA_HASH, Act("demo", "ada", NOW)).value is None


def test_the_list_counts_once_it_is_read_to_its_end() -> None:
    topic, made = FakeTopic(), Listed(fault="not read")
    follower = followed(topic, made)
    topic.put(entry(*ADA))
    follower.follow()
    assert made.holds(ADA_HASH)
    assert "1 records so far" in str(made.fault)
    topic.end()
    follower.follow()
    assert made.fault is None


def test_what_comes_later_counts_and_what_is_lifted_does_not() -> None:
    topic, made = FakeTopic(), Listed()
    follower = followed(topic, made)
    topic.end()
    topic.put(entry(*ADA), entry("user_id", "u-1"))
    follower.catch_up()
    follower.follow()
    assert len(made) == 2
    topic.put(lifted(ADA_HASH, Act("demo", "ada", NOW)))
    follower.follow()
    assert (made.holds(ADA_HASH), len(made)) == (False, 1)
    topic.put(entry(*ADA))
    follower.follow()
    assert made.holds(ADA_HASH)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=20))
def test_the_last_word_on_each_counts(acts: list[tuple[str, bool]]) -> None:
    topic, made, act = FakeTopic(), Listed(), Act("demo", "ada", NOW)
    hash_of = Hashes(SALT, "demo").of
    for user, on in acts:
        topic.put(entry("user_id", user) if on else lifted(hash_of("user_id", user), act))
    topic.end()
    followed(topic, made).catch_up()
    last = dict(acts)
    assert {user for user in "abc" if made.holds(hash_of("user_id", user))} == {
        user for user, on in last.items() if on
    }


def test_entries_of_another_salt_are_noticed_and_keep_nobody_out() -> None:
    topic, made = FakeTopic(), Listed()
    other = entry(*ADA, salt="the former salt")
    topic.put(other, entry("user_id", "u-1"))
    topic.end()
    followed(topic, made).catch_up()
    assert (len(made), made.others) == (1, {bytes.fromhex(other.key.decode())})
    topic.put(lifted(bytes.fromhex(other.key.decode()), Act("demo", "ada", NOW)))
    followed(topic, made).follow()
    assert made.others == set()
    assert salt_mark(SALT) != salt_mark("the former salt")


def test_what_can_not_be_read_is_taken_to_hold_and_what_is_no_entry_is_not() -> None:
    topic, made = FakeTopic(), Listed()
    topic.waiting = [
        FakeMessage(ADA_HASH.hex().encode(), b"{"),
        FakeMessage(b"nothing", b"{}"),
        FakeMessage(None, b"{}"),
    ]
    topic.end()
    followed(topic, made).catch_up()
    assert (list(made.hashes), made.holds(ADA_HASH)) == ([ADA_HASH], True)


def test_an_entry_holds_until_its_day() -> None:
    now = NOW.timestamp()
    made = Listed(clock=lambda: now)
    made.put(ADA_HASH, (NOW + timedelta(seconds=1)).astimezone(UTC))
    assert made.holds(ADA_HASH)
    now += 1
    assert not made.holds(ADA_HASH)
