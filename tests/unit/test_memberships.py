"""Belonging to an account: role, since when, and leaving; in whatever order events come."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.touchpoint import Touchpoint
from services.profile.domain.bounds import ACCOUNTS_MAX
from services.profile.domain.folds.account import ACCOUNT_TRAIT_BYTES_MAX, ACCOUNT_TRAITS_MAX
from services.profile.domain.memberships import JOINS_KEPT
from tests.reference.memberships import memberships_of, typed_memberships
from tests.unit.profile_builders import START, fed, touchpoint


def link(at_s: float, account: str = "acme", who: str = "user_id:ada", **said: Any) -> Touchpoint:
    return touchpoint(who, at_s=at_s, kind="account_linked", account_id=account, **said)


def profile(*events: Touchpoint, batch: int = 1) -> dict[str, Any]:
    (output,) = fed(list(events), batch).topic.values()
    return dict(json.loads(output.value))


def membership(*events: Touchpoint) -> dict[str, Any]:
    (one,) = typed_memberships(profile(*events)["memberships"])
    return one


def test_the_newest_word_says_the_role() -> None:
    events = [link(0, role="buyer"), link(9, role="owner"), link(5, role="user"), link(12)]
    for order in (events, events[::-1]):
        assert membership(*order)["role"] == "owner"


def test_who_left_belongs_to_it_no_more_and_may_come_back() -> None:
    events = [link(0), link(10, left=True)]
    for order in (events, events[::-1]):
        assert profile(*order)["accounts"] == []
        assert membership(*order)["left_at"] == START + timedelta(seconds=10)
    back = [*events, link(20), link(30)]
    for order in (back, back[::-1]):
        assert profile(*order)["accounts"] == ["acme"]
        assert membership(*order)["since"] == START + timedelta(seconds=20)


def test_since_is_the_first_link_however_many_came() -> None:
    events = [link(number) for number in range(40)]
    random.Random(1).shuffle(events)
    assert membership(*events)["since"] == START


@pytest.mark.parametrize("links", [1, JOINS_KEPT])
def test_since_somebody_is_back_is_exact_up_to_so_many_links(links: int) -> None:
    events = [link(0), link(10, left=True), *(link(20 + number) for number in range(links))]
    random.Random(2).shuffle(events)
    assert membership(*events)["since"] == START + timedelta(seconds=20)


def test_what_is_said_of_the_account_is_kept_without_what_is_said_of_the_member() -> None:
    said = {"industry": "music", "role": "buyer", "left": False, "account_kind": "company"}
    one = membership(link(0, traits=said), link(5, traits={"industry": None, "size": 7}))
    assert {name: word["value"] for name, word in one["traits"].items()} == {
        "industry": None,
        "size": 7,
    }


def test_the_kind_is_the_newest_that_was_said() -> None:
    events = [link(0, account_kind="household"), link(5), link(3, account_kind="company")]
    for order in (events, events[::-1]):
        assert membership(*order)["kind"]["value"] == "company"
    assert membership(link(0))["kind"] is None


def test_accounts_traits_and_their_values_are_bounded_whatever_the_order() -> None:
    accounts = [link(number, f"account-{number}") for number in range(ACCOUNTS_MAX + 20)]
    traits = [link(900 + n, "account-0", traits={f"t{n}": n}) for n in range(60)]
    long = link(2_000, "account-0", traits={"long": "x" * ACCOUNT_TRAIT_BYTES_MAX})
    events = [*accounts, *traits, long]
    shown = profile(*events, batch=9)["memberships"]
    assert len(shown) == ACCOUNTS_MAX
    (most,) = [one for one in shown if one["account_id"] == "account-0"] or [{"traits": {}}]
    assert len(most["traits"]) in (0, ACCOUNT_TRAITS_MAX)
    assert "long" not in most["traits"]
    random.Random(3).shuffle(events)
    assert profile(*events, batch=4)["memberships"] == shown


words = st.builds(
    lambda at_s, left, role, traits: {"at_s": at_s, "left": left, "role": role, "traits": traits},
    st.integers(0, 6),
    st.booleans(),
    st.sampled_from([None, "buyer", "user"]),
    st.dictionaries(st.sampled_from(["industry", "size"]), st.integers(0, 3) | st.none()),
)


@given(st.lists(words, min_size=1, max_size=JOINS_KEPT), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_a_membership_equals_the_reference_in_any_order(
    said: list[dict[str, Any]], dice: random.Random
) -> None:
    events = [link(message=f"m{number}", **one) for number, one in enumerate(said)]
    shuffled = dice.sample(events, k=len(events))
    assert typed_memberships(profile(*shuffled)["memberships"]) == memberships_of(events)
