"""A log that has lost its beginning: who began later is rebuilt, who is older stays as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from typer.testing import CliRunner

from deploy.embedded.engines import Engines
from schemas.topics import ACCEPTED
from schemas.touchpoint import Touchpoint
from services.cli.__main__ import app
from services.common import clients
from services.profile.domain.ids import Hashes
from tests.integration.rebuild_world import (
    SALT,
    World,
    double_orders,
    environment_of,
    rebuild_world,
)
from tests.unit.profile_builders import touchpoint

OLD, NEW, GONE = range(12), range(12, 24), 24
DAY_S = 86_400


@pytest.fixture
def world(
    engines: Engines, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A topic of its own: nobody else's log is cut."""
    name = f"{prefix}.accepted"
    admin = AdminClient({"bootstrap.servers": engines.kafka})
    kept = {"retention.ms": "-1"}
    admin.create_topics([NewTopic(name, 4, config=kept)])[name].result(30)
    monkeypatch.setattr("services.profile.rebuild.run.ACCEPTED", replace(ACCEPTED, name=name))
    with rebuild_world(engines, prefix, tmp_path) as made:
        yield replace(made, topic=name)


def order(world: World, person: int, number: int, day: float) -> Touchpoint:
    facts: dict[str, Any] = {
        "kind": "order_completed",
        "order_id": f"SO-{person}-{number}",
        "total": {"amount": Decimal(10), "currency": "USD"},
    }
    name = world.workspace.name
    message = f"{name} {person} {number}"
    return touchpoint(
        f"user_id:u{person}", at_s=day * DAY_S, message=message, workspace=name, **facts
    )


def cut(world: World) -> dict[int, int]:
    """The records that there are now are removed; where each partition begins from then on."""
    admin = AdminClient({"bootstrap.servers": world.settings.kafka})
    with clients.redis_client(world.settings) as client:
        places: list[Any] = client.mget([f"p:profile:{one}" for one in range(4)])
    ends = {one: int(place.split(b":")[0]) for one, place in enumerate(places)}
    for future in admin.delete_records(
        [TopicPartition(world.topic, one, end) for one, end in ends.items()]
    ).values():
        future.result(30)
    return ends


def rebuilt(world: World, *options: str) -> tuple[int, dict[str, Any], str]:
    """The command within this process, whose topic is that of the test."""
    done = CliRunner().invoke(
        app("rebuild"), ["rebuild", "profiles", "--json", *options], env=environment_of(world)
    )
    lines = done.stdout.splitlines()
    report = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return done.exit_code, report, done.output


def revenue(world: World) -> dict[int, Decimal]:
    """Person -> what their profile says they spent."""
    return {
        int(min(person)[1][1:]): facts["purchases"]["revenue"]
        for person, facts in world.live().items()
    }


def test_who_began_later_is_rebuilt_and_who_is_older_stays_as_they_are(
    world: World,
) -> None:
    with pytest.MonkeyPatch.context() as bug, world.profile():
        double_orders(bug)
        world.send([order(world, person, 0, day=1) for person in OLD])
        world.until_read()
        cut(world)
        # the first record of each partition says since when all is there; an old person comes again
        world.send([order(world, person, 0, day=5) for person in range(100, 130)])
        world.send([order(world, person, 0, day=8) for person in (*NEW, GONE)])
        world.send([order(world, 0, 1, day=9)])
        world.until_read()
    node = Hashes(SALT).node(world.workspace.name, "user_id", f"u{GONE}")
    with clients.redis_client(world.settings) as client:
        assert client.delete(b"n:" + node, b"c:" + node) == 2, "as if by an order that was cut off"
        before = {key: client.get(key) for key in client.scan_iter(match=b"[cn]:*")}
    status, _, told = rebuilt(world)
    assert (status, "no longer begins at the beginning" in told) == (1, True), told
    assert "2026-01-10" in told, "since when people are whole"
    with clients.redis_client(world.settings) as client:
        assert {key: client.get(key) for key in client.scan_iter(match=b"[cn]:*")} == before
    status, report, told = rebuilt(world, "--newer-only")
    assert status == 0, told
    assert report["differing"]["changed"] == len(NEW), report
    assert report["older"] >= len(OLD)
    found = revenue(world)
    assert GONE not in found
    assert {person: found[person] for person in NEW} == dict.fromkeys(NEW, Decimal(10))
    twice = {person: Decimal(20) for person in OLD} | {0: Decimal(40)}
    assert {person: found[person] for person in OLD} == twice, "the log has not all of them"
    status, report, told = rebuilt(world, "--newer-only", "--dry-run")
    assert (status, sum(report["differing"].values()), report["unseen"]) == (0, 0, 0), told
