"""Accounts follow a rebuild: their roll-ups are of the people as they are now."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import redis

from deploy.embedded.engines import Engines
from schemas.profile import Profile
from schemas.topics import PROFILES
from schemas.touchpoint import Touchpoint
from services.common.batch import Batch, Decision
from services.common.step_service import Plan
from services.profile.accounts.stream import AccountsHandler
from tests.integration.rebuild_world import World, double_orders, rebuild, rebuild_world
from tests.integration.test_accounts_on_real_engines import published
from tests.reference.accounts import Facts, accounts_of, facts_of_account
from tests.unit.profile_builders import touchpoint
from tests.waiting import until

PEOPLE, COMPANIES, ORDERS = 40, 4, 3


@pytest.fixture
def world(engines: Engines, prefix: str, tmp_path: Path) -> Iterator[World]:
    with rebuild_world(engines, prefix, tmp_path) as made:
        yield made


def events_of(world: World) -> list[Touchpoint]:
    """Everybody belongs to a company, under one of two names, and buys for 10 each time."""
    events: list[Touchpoint] = []

    def tell(*names: str, **facts: Any) -> None:
        message, name = f"{world.workspace.name} {len(events)}", world.workspace.name
        events.append(touchpoint(*names, message=message, workspace=name, **facts))

    for one in range(PEOPLE):
        who, mail = f"user_id:u{one}", f"email:p{one}@x.example"
        tell(who, mail)
        tell(mail, kind="account_linked", account_id=f"company-{one % COMPANIES}")
        for number in range(ORDERS):
            total = {"amount": Decimal(10), "currency": "USD"}
            tell(who, kind="order_completed", order_id=f"SO-{one}-{number}", total=total)
    random.Random(2).shuffle(events)
    return events


class Ours(AccountsHandler):
    """Of a topic that other tests write to as well."""

    name = ""

    def decide(self, batch: Batch) -> Decision:
        ours = f'"workspace":"{self.name}"'.encode()
        records = [one for one in batch.records if ours in one.value]
        return super().decide(Batch(records, batch.due, batch.taken_at_us))


def accounts(world: World) -> dict[str, Facts]:
    """What the accounts are once their service has read the newest snapshots."""
    name = f"accounts-{world.workspace.name}"

    def handler(client: redis.Redis) -> AccountsHandler:
        made = Ours(client, {world.workspace.name: world.workspace}, world.settings)
        made.name = world.workspace.name
        return made

    with world.running(Plan(name, PROFILES.name, handler, fenced=True)):
        until(lambda: shown(world) == wanted(world), "accounts to be of the newest snapshots", 60)
    return shown(world)


def shown(world: World) -> dict[str, Facts]:
    last = published(world.settings, world.workspace.name).values()
    return {one.account_id: facts_of_account(one) for one in last if not one.gone}


def wanted(world: World) -> dict[str, Facts]:
    """From everybody's newest snapshot, from scratch."""
    last = map(Profile.model_validate_json, world.last_records().values())
    return accounts_of((one for one in last if not one.erased), "USD")


def test_accounts_are_of_the_people_whom_a_rebuild_has_mended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug doubled all orders."""
    double_orders(monkeypatch)
    with world.profile():
        world.send(events_of(world))
        world.until_read()
    monkeypatch.undo()
    spent = Decimal(10 * ORDERS * PEOPLE // COMPANIES)
    wrong = accounts(world)
    assert {one["purchases"]["revenue"] for one in wrong.values()} == {2 * spent}
    status, report = rebuild(world)
    assert (status, report["differing"]["changed"]) == (0, PEOPLE), report["stderr"]
    right = accounts(world)
    assert len(right) == COMPANIES
    assert {one["purchases"]["revenue"] for one in right.values()} == {spent}
    assert {one["members"] for one in right.values()} == {PEOPLE // COMPANIES}
