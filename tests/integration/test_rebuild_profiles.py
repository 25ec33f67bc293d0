"""`rapport rebuild profiles`: the log made again beside live traffic, whatever went wrong."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.engines import Engines
from services.common import clients
from tests.integration.rebuild_world import (
    SALT,
    World,
    double_orders,
    history,
    rebuild,
    rebuild_world,
)
from tests.reference.profiles import profiles_of


@pytest.fixture
def world(engines: Engines, prefix: str, tmp_path: Path) -> Iterator[World]:
    with rebuild_world(engines, prefix, tmp_path) as made:
        yield made


def spoil(world: World) -> None:
    """What no code of ours does: a component gone, one unreadable, a home that leads nowhere."""
    with clients.redis_client(world.settings) as client:
        keys = sorted(client.scan_iter(match=b"c:*"))
        dice = random.Random(1)
        gone, unreadable, homeless = dice.sample(keys, k=3)
        client.delete(gone)
        client.set(unreadable, client.get(unreadable)[:20])
        client.set(b"n:" + homeless[2:], b"x" * 16)


def test_after_a_bug_in_a_fold_everything_is_as_if_it_had_never_been(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken code has folded half of it; live traffic goes on while the rest is mended."""
    double_orders(monkeypatch)
    events = history(world.workspace.name, 60)
    half = len(events) // 2
    world.send(events[:half])
    with world.profile():
        world.until_read()
    monkeypatch.undo()  # the mended code is deployed
    spoil(world)
    status, report = rebuild(world, "--dry-run")
    assert status == 0, report["stderr"]
    assert report["differing"]["changed"] > 20
    assert report["differing"]["missing"] >= 2
    assert report["figures"]["purchases.revenue"] > 20
    assert "city" not in json.dumps(report["examples"])
    assert report["written"] == 0
    with world.profile():
        traffic = threading.Thread(target=world.send, args=(events[half:], 0.004))
        traffic.start()
        killed, _ = rebuild(world, failpoint="before_produce:1")
        status, report = rebuild(world)
        traffic.join()
        world.until_read()
    assert killed == -signal.SIGKILL
    assert status == 0, report["stderr"]
    assert report["went_on"], "what the killed run had read is not read again"
    expected = profiles_of(events, world.workspace, SALT)
    assert world.live() == expected
    assert world.published() == expected
    status, report = rebuild(world, "--dry-run")
    assert (status, sum(report["differing"].values()), report["unseen"]) == (0, 0, 0)


def test_one_rebuild_at_a_time_and_only_in_a_database_of_its_own(world: World) -> None:
    with clients.redis_client(world.settings) as client:
        client.set("rebuild:lock", "elsewhere 1")
        status, report = rebuild(world)
        assert (status, "another rebuild runs (elsewhere 1" in report["stderr"]) == (1, True)
        client.delete("rebuild:lock")
    shadow = world.settings.model_copy(update={"redis": world.shadow})
    with clients.redis_client(shadow) as client:
        client.set("somebody's", "own")
        status, report = rebuild(world)
        assert (status, "--shadow" in report["stderr"]) == (1, True)
        assert client.get("somebody's") == b"own"
