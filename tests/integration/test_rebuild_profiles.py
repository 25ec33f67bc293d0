"""`rapport rebuild profiles`: the log made again beside live traffic, whatever went wrong."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.embedded.engines import Engines
from services.common import clients
from services.common.settings import Settings
from services.common.workspace_files import load_workspaces
from services.profile.domain.event import Event
from services.profile.domain.folds.table import FOLD_OF
from services.profile.domain.part import KIND_CODES, Part
from tests.integration.rebuild_world import World, history
from tests.reference.profiles import profiles_of

SALT = "rebuild"
LIVE, SHADOW = 11, 12


@pytest.fixture
def world(engines: Engines, prefix: str, tmp_path: Path) -> Iterator[World]:
    base = engines.redis.rsplit("/", 1)[0]
    settings = Settings(
        kafka=engines.kafka,
        redis=f"{base}/{LIVE}",
        clickhouse=engines.clickhouse,
        salt=SALT,
        workspace=_workspace(tmp_path, prefix),
        batch_events_max=100,
        session_timeout_ms=6_000,
        partitions=4,
    )
    clients.ensure_topics(settings)
    workspace = load_workspaces(settings.workspace)[prefix]
    made = World(settings, workspace, f"{base}/{SHADOW}")
    _flush(made)
    yield made
    _flush(made)


def _workspace(folder: Path, name: str) -> Path:
    """The demo's rules under a name that no other test has."""
    for path in Path("deploy/workspace").glob("*.yaml"):
        said = yaml.safe_load(path.read_text())
        if path.name == "workspace.yaml":
            said["name"] = name
        (folder / path.name).write_text(yaml.safe_dump(said))
    return folder


def _flush(world: World) -> None:
    for url in (world.settings.redis, world.shadow):
        with clients.redis_client(world.settings.model_copy(update={"redis": url})) as client:
            client.flushdb()


def rebuild(world: World, *options: str, failpoint: str = "") -> tuple[int, dict[str, Any]]:
    """The command as a process of its own: its exit status, its report."""
    settings = world.settings
    environment = os.environ | {
        "RAPPORT_KAFKA": settings.kafka,
        "RAPPORT_REDIS": settings.redis,
        "RAPPORT_CLICKHOUSE": settings.clickhouse,
        "RAPPORT_SALT": SALT,
        "RAPPORT_WORKSPACE": str(settings.workspace),
        "RAPPORT_DEMO_WEBHOOK_SECRET": "whsec_" + "A" * 44,
    }
    if failpoint:
        environment["RAPPORT_FAILPOINT"] = failpoint
    command = [sys.executable, "-m", "services.cli", "rebuild", "profiles", "--json", *options]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    report = json.loads(ended.stdout) if ended.stdout.startswith("{") else {}
    assert ended.returncode in (0, 1, -signal.SIGKILL), ended.stderr
    return ended.returncode, report | {"stderr": ended.stderr}


@pytest.fixture
def doubled_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in a fold: each order counts twice its amount."""
    ordered = KIND_CODES["order_completed"]
    right = FOLD_OF[ordered]

    def wrong(part: Part, event: Event, facts: Any) -> None:
        right(part, event, facts)
        for key, order in part.orders.items():
            if order.event == event.stamp:
                part.orders[key] = order._replace(units=order.units * 2)

    monkeypatch.setitem(FOLD_OF, ordered, wrong)


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
    world: World, doubled_orders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken code has folded half of it; live traffic goes on while the rest is mended."""
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
