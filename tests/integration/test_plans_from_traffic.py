"""`rapport plan` and what a draft would refuse, over a ClickHouse that holds events."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import derived_id
from schemas.dead_letter import DeadLetter
from schemas.touchpoint import ResolvedTouchpoint
from services.cli.__main__ import app
from services.cli.workspace_effect import refused_lately
from services.common.clients import clickhouse_client
from services.common.settings import Settings
from services.common.workspace_files import load_workspaces
from services.ingest.door import Arrival, Door
from services.scoring.store import DATABASE, migrate
from tests.columns_engine import fill
from tests.columns_messages import touchpoint
from tests.unit.ingest_builders import track

RUN = CliRunner()
NAME = "planned"
NOW = datetime.now(UTC)
PLAN = "events:\n  Wishlist Shared: {mode: block, schema: {properties: {size: {type: integer}}}}\n"


def wish(number: int, size: object, age: timedelta) -> ResolvedTouchpoint:
    sample = touchpoint("custom").model_dump()
    changes = {
        "workspace": NAME,
        "event_id": derived_id("a wish of the plan's test", number),
        "received_at": NOW - age,
        "properties": {"kind": "custom", "name": "Wishlist Shared", "properties": {"size": size}},
    }
    return ResolvedTouchpoint.model_validate(sample | changes)


SENT = [
    wish(1, 3, timedelta(minutes=1)),
    wish(2, "ada@x.example", timedelta(minutes=2)),
    wish(3, "large", timedelta(days=3)),
]


@pytest.fixture(autouse=True, scope="module")
def workspace(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace of its own, with a plan, whose events are in ClickHouse."""
    folder = tmp_path_factory.mktemp("plans") / "workspace"
    shutil.copytree("deploy/workspace", folder)
    (folder / "workspace.yaml").write_text(f"name: {NAME}\n")
    (folder / "plans").mkdir()
    (folder / "plans" / "shop.yaml").write_text(PLAN)
    client = clickhouse_client(Settings(clickhouse=engines.clickhouse))
    migrate(client, DATABASE)
    fill(client, [(topics.RESOLVED.name, one) for one in SENT])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAPPORT_CLICKHOUSE", engines.clickhouse)
        patch.setenv("RAPPORT_WORKSPACE", str(folder))
        yield folder
    client.close()


def results(*arguments: str) -> dict[str, Any]:
    found = RUN.invoke(app("plan"), ["plan", "test", "--json", *arguments])
    assert found.exit_code == 0, found.output
    result: dict[str, Any] = json.loads(found.stdout)
    return result


@pytest.mark.parametrize(("since", "events", "refused"), [("1h", 2, 1), ("7d", 3, 2)])
def test_what_came_in_lately_is_held_against_the_plan(
    since: str, events: int, refused: int
) -> None:
    found = results("--since", since)
    assert (found["events"][0]["events"], found["refused"]) == (events, refused)


def test_only_of_a_source_and_only_so_many() -> None:
    assert results("--source", "none")["events"] == []
    assert results("--most", "1")["events"][0]["events"] == 1


def test_a_plan_is_inferred_from_what_came_in() -> None:
    found = RUN.invoke(app("plan"), ["plan", "infer", "--since", "7d"])
    assert found.exit_code == 0, found.output
    plan = yaml.safe_load(found.stdout)
    schema = plan["events"]["Wishlist Shared"]["schema"]
    assert schema["properties"] == {"size": {"type": ["integer", "string"]}}


def test_what_a_draft_would_refuse_of_the_last_day(workspace: Path) -> None:
    said = refused_lately(load_workspaces(workspace)[NAME])
    assert said == ("of 2 events of the last 24 h the plans would refuse: 1 Wishlist Shared")


def test_what_was_looked_at_is_told_where_it_was_not_all(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = RUN.invoke(app("plan"), ["plan", "test", "--since", "7d", "--most", "1"])
    assert found.stderr == "the newest 1 of 3 events are looked at; --most takes more\n"
    monkeypatch.setattr("services.cli.workspace_effect.EVENTS_MAX", 1)
    said = refused_lately(load_workspaces(workspace)[NAME])
    assert said.startswith("of the newest 1 of 2 events of the last 24 h")


def test_what_a_plan_kept_out_is_held_against_the_draft(workspace: Path, engines: Engines) -> None:
    door = Door(load_workspaces(workspace)[NAME], "letters", "")
    calls = [track(messageId=f"m{n}", properties={"size": n or "large"}) for n in range(2)]
    blocked, _ = door.admit([json.dumps(call).encode() for call in calls], Arrival(NOW))
    letter = DeadLetter.model_validate_json(blocked.output.value)
    client = clickhouse_client(Settings(clickhouse=engines.clickhouse), database=DATABASE)
    fill(client, [(topics.DEAD_LETTERS.name, letter)])
    client.close()
    found = results("--source", "letters", "--since", "1h")
    assert (found["events"][0]["events"], found["refused"]) == (1, 1)
    draft = workspace / "draft.yaml"
    draft.write_text(PLAN.replace("integer", "string"))
    found = results("--source", "letters", "--since", "1h", "--plan", str(draft))
    assert (found["events"][0]["events"], found["refused"]) == (1, 0)
