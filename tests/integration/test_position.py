"""`rapport position`: the places of all partitions, and going on behind a gap."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from redis import Redis
from typer.testing import CliRunner

from deploy.embedded.engines import Engines
from services.cli.position import app

RUNNER = CliRunner()


@pytest.fixture
def client(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    monkeypatch.setenv("RAPPORT_REDIS", engines.redis)
    with Redis.from_url(engines.redis) as connected:
        yield connected


def test_a_gap_is_accepted_in_any_partition_the_topic_has(client: Redis, prefix: str) -> None:
    client.set(f"p:{prefix}:0", b"12:3")
    client.set(f"p:{prefix}:11", b"40:8")
    shown = RUNNER.invoke(app, ["show", prefix])
    assert json.loads(shown.stdout) == {"0": 12, "11": 40}
    done = RUNNER.invoke(app, ["accept", prefix, "11", "55"])
    assert "40 -> 55" in done.stdout
    assert client.get(f"p:{prefix}:11") == b"55:9", "a worker with the old place is fenced"
    assert client.get(f"p:{prefix}:0") == b"12:3"


def test_a_service_that_never_ran_has_no_places(client: Redis, prefix: str) -> None:
    assert json.loads(RUNNER.invoke(app, ["show", prefix]).stdout) == {}
