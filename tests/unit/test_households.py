"""Households by traits: people at one address are one, in whatever spelling, until they move."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.profile import Profile, Trait
from services.profile.domain.households import same_for_all
from tests.unit.accounts_world import AccountsWorld, member, redirect, snapshot
from tests.unit.profile_builders import START, WORKSPACE

AT_HOME = WORKSPACE.model_copy(update={"household_traits": ("street", "postal_code")})


def living(number: int, version: int, street: Any, code: Any = "4711", **facts: Any) -> Profile:
    traits = {"street": street, "postal_code": code, "name": f"person {number}"}
    said = {name: Trait(value=value, source="crm", at=START) for name, value in traits.items()}
    return snapshot(number, version, traits=said, **facts)


def members(world: AccountsWorld) -> list[int]:
    return sorted(one["members"] for one in world.shown().values())


def test_people_at_one_address_are_one_household_in_any_spelling() -> None:
    world = AccountsWorld(workspace=AT_HOME)
    world.take(
        living(0, 1, "12 High Street", spent=100),
        living(1, 1, "12  high STREET ", code=4711, spent=250),
        living(2, 1, "13 High Street"),
        snapshot(3, 1),
    )
    assert members(world) == [1, 2]
    (ours,) = [one for one in world.shown().values() if one["members"] == 2]
    assert (ours["kind"], str(ours["purchases"]["revenue"])) == ("household", "3.50")
    assert b"treet" not in b"".join(one.value for one in world.topic.values())


def test_who_moves_belongs_to_the_other_household_and_an_empty_one_is_gone() -> None:
    world = AccountsWorld(workspace=AT_HOME)
    world.take(living(0, 1, "a"), living(1, 1, "b"))
    world.take(living(1, 2, "a"))
    assert members(world) == [2]
    world.take(redirect(0, 2, into=1), living(1, 3, None))
    assert members(world) == []


def test_a_household_that_a_sender_names_is_another_one() -> None:
    world = AccountsWorld(workspace=AT_HOME)
    world.take(living(0, 1, "a", memberships=member("smith")))
    assert members(world) == [1, 1]


def test_without_the_rule_no_household_is_made() -> None:
    world = AccountsWorld()
    assert world.take(living(0, 1, "a")) == []


@pytest.mark.parametrize("missing", [b"null", b'""', b'" "', b"{}", b"false", b"[]"])
def test_an_address_that_lacks_a_part_makes_no_household(missing: bytes) -> None:
    assert same_for_all({"street": missing, "code": b"1"}, ["street", "code"]) is None
    assert same_for_all({"code": b"1"}, ["street", "code"]) is None
    assert same_for_all({}, []) is None


def test_an_address_may_be_an_object() -> None:
    one = b'{"street": "High  St", "city": "York", "line2": ""}'
    other = b'{"city": "YORK", "street": "high st"}'
    assert same_for_all({"address": one}, ["address"]) == same_for_all(
        {"address": other}, ["address"]
    )
