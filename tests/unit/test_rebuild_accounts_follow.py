"""Accounts are of the people as a rebuild leaves them, whoever merged, parted or went by it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.profile import Profile
from schemas.touchpoint import Touchpoint
from services.common.batch import Output
from tests.reference.accounts import accounts_of
from tests.unit.accounts_world import AccountsWorld
from tests.unit.profile_builders import Run, fed, histories, touchpoint
from tests.unit.test_rebuild_units import rebuild


def snapshots(outputs: Sequence[Output]) -> list[Profile]:
    """A rebuild's come behind what is there already."""
    found = [one.value for one in outputs if one.topic == "profiles.changed"]
    return [Profile.model_validate_json(value) for value in found]


def living(run: Run) -> list[Profile]:
    newest = map(Profile.model_validate_json, (one.value for one in run.topic.values()))
    return [one for one in newest if one.merged_into is None and not one.erased]


@given(histories(), st.integers(0, 2**32))
@settings(max_examples=100)
def test_accounts_are_those_of_a_service_that_was_never_wrong(
    history: list[Touchpoint], seed: int
) -> None:
    """Some of the log was lost to the live state, and some of what that has is not on the log."""
    dice = random.Random(seed)
    known, log = ([one for one in history if dice.random() < 0.7] for _ in range(2))
    live, right, world = fed(known, batch=3), fed(log), AccountsWorld()
    world.take(*snapshots(live.outputs))
    world.take(*snapshots(rebuild(live, right)))
    assert world.shown() == accounts_of(living(right), "USD")


def test_who_went_by_a_rebuild_is_in_no_account() -> None:
    """Nothing on the log counts for one of two members."""
    linked: dict[str, Any] = {"kind": "account_linked", "account_id": "acme"}
    history = [touchpoint("user_id:u1", **linked), touchpoint("user_id:u2", at_s=1, **linked)]
    live, world = fed(history), AccountsWorld()
    world.take(*snapshots(live.outputs))
    assert world.shown()["acme"]["members"] == 2
    world.take(*snapshots(rebuild(live, fed(history[:1]))))
    assert world.shown()["acme"]["members"] == 1
