"""Accounts are read from Redis while others change them: whole, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast
from uuid import UUID

import pytest
import redis.asyncio

from services.profile.accounts.naming import AccountNames
from services.profile.api.account_reader import LOOKS_MAX, AccountReader
from services.profile.api.answers import Refused
from tests.unit.accounts_world import AccountsWorld, member, person, snapshot
from tests.unit.profile_builders import SETTINGS

ACME = AccountNames(SETTINGS.salt).profile("demo", "acme")
PEOPLE = 40


class Changing:
    """An asyncio Redis over accounts in memory; `meanwhile` happens behind each look."""

    def __init__(self, meanwhile: Callable[[int], None] = lambda _: None) -> None:
        self.world = AccountsWorld(leaf_max=4)
        self.join(*range(PEOPLE))
        self._meanwhile = meanwhile
        self.looks = 0

    def join(self, *numbers: int) -> None:
        self.world.take(*[snapshot(one, 1, memberships=member("acme")) for one in numbers])

    def leave(self, *numbers: int, version: int = 2) -> None:
        self.world.take(*[snapshot(one, version) for one in numbers])

    async def mget(self, keys: Sequence[bytes]) -> list[bytes | None]:
        await asyncio.sleep(0)
        found = [self.world.redis.values.get(key) for key in keys]
        self.looks += 1
        self._meanwhile(self.looks)
        return found


def members(changing: Changing, after: bytes | None = None, most: int = 100) -> list[UUID]:
    reader = AccountReader(cast(redis.asyncio.Redis, changing))
    found = asyncio.run(reader.members(ACME, after, most))
    return [UUID(bytes=one.profile) for one in found]


def test_a_page_is_read_level_by_level() -> None:
    changing = Changing()
    everybody = sorted(person(number) for number in range(PEOPLE))
    assert members(changing) == everybody
    assert members(changing, everybody[9].bytes, 5) == everybody[10:15]


def test_a_tree_that_shrinks_while_it_is_read_is_read_again() -> None:
    """Those who stay are gathered into the root, and the leaves that it listed are gone."""

    def leave(look: int) -> None:
        if look == 1:
            changing.leave(*range(3, PEOPLE))

    changing = Changing(leave)
    assert members(changing) == sorted(person(number) for number in range(3))


def test_an_account_that_never_rests_is_asked_for_later() -> None:
    version = 1

    def churn(look: int) -> None:
        nonlocal version
        version += 1
        if version % 2:
            people = [snapshot(one, version, memberships=member("acme")) for one in range(PEOPLE)]
            changing.world.take(*people)
        else:
            changing.leave(*range(3, PEOPLE), version=version)

    changing = Changing(churn)
    with pytest.raises(Refused, match="changes while it is read") as refused:
        members(changing)
    assert (refused.value.status, changing.looks) == (503, 2 * LOOKS_MAX)


def test_an_account_that_nobody_ever_named_has_nobody() -> None:
    reader = AccountReader(cast(redis.asyncio.Redis, Changing()))
    assert asyncio.run(reader.members(bytes(16), None, 9)) == []
    assert asyncio.run(reader.accounts([bytes(16)])) == [None]
