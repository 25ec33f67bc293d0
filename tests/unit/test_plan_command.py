"""`rapport plan infer` and `test` over a file of recorded calls."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.common.workspace_files import load_plan
from tests.unit.ingest_builders import accepted, order, track

RUN = CliRunner()
PLAN = """\
events:
  Wishlist Shared:
    mode: quarantine
    schema:
      properties:
        size: {type: integer}
  order_completed:
    schema:
      properties: {total: {properties: {amount: {minimum: 5}}}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a workspace and a plan."""
    shutil.copytree("deploy/workspace", tmp_path / "workspace")
    monkeypatch.setenv("RAPPORT_WORKSPACE", str(tmp_path / "workspace"))
    (tmp_path / "shop.yaml").write_text(PLAN)
    return tmp_path


def calls() -> list[dict[str, Any]]:
    wishes = [track(messageId=f"w{n}", properties={"size": n}) for n in range(30)]
    wrong = [track(messageId=f"x{n}", properties={"size": "ada@x.example"}) for n in range(2)]
    orders = [order(total=n + 1) | {"messageId": f"o{n}"} for n in range(10)]
    return [*wishes, *wrong, *orders, {"type": "track", "event": "No One", "messageId": "n"}]


def recorded(here: Path, lines: list[Any], name: str = "calls.jsonl") -> str:
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path = here / name
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return str(path)


def run(*arguments: str) -> tuple[int, str, str]:
    found = RUN.invoke(app("plan"), ["plan", *arguments])
    return found.exit_code, found.stdout, found.stderr


def test_what_a_plan_would_do_with_recorded_calls(here: Path) -> None:
    options = ("--plan", str(here / "shop.yaml"), "--from", recorded(here, calls()))
    code, out, err = run("test", *options)
    assert (code, "ada@" in out + err) == (0, False)
    lines = [line.split() for line in out.splitlines()]
    assert ["Wishlist", "Shared", "32", "2", "2", "size", "type", "2"] in lines
    assert ["order_completed", "10", "4", "0", "total.amount", "minimum", "4"] in lines
    assert err == "left out: 1 that ingest refuses in any case (no_identifier)\n"
    assert run("test", *options, "--strict")[0] == 1


def test_the_same_for_scripts(here: Path) -> None:
    options = ("--plan", str(here / "shop.yaml"), "--from", recorded(here, calls()))
    found = json.loads(run("test", *options, "--json")[1])
    assert (found["refused"], found["unreadable"]) == (2, {"no_identifier": 1})
    [wishes] = [one for one in found["events"] if one["event"] == "Wishlist Shared"]
    assert (wishes["events"], wishes["violations"]) == (32, 2)
    assert wishes["wrong"] == [
        {"field": "size", "rule": "type", "events": 2,
         "detail": 'the value is not of type "integer"'}
    ]  # fmt: skip


@pytest.mark.parametrize("way", ["calls.jsonl", "calls.jsonl.gz", "batches", "touchpoints"])
def test_calls_batches_and_touchpoints_are_one(here: Path, way: str) -> None:
    lines: list[Any] = calls()[:-1]
    if way == "batches":
        lines = [{"batch": lines[:7]}, {"batch": lines[7:], "context": {"ip": "1.2.3.4"}}]
    if way == "touchpoints":
        lines = [json.loads(accepted(call).model_dump_json()) for call in lines]
    name = way if way.endswith(".gz") else "lines.jsonl"
    options = ("--plan", str(here / "shop.yaml"), "--from", recorded(here, lines, name))
    found = json.loads(run("test", *options, "--json")[1])
    assert {one["event"]: one["events"] for one in found["events"]} == {
        "Wishlist Shared": 32,
        "order_completed": 10,
    }
    assert found["refused"] == 2


def test_what_is_inferred_is_a_plan_that_all_of_it_keeps_to(here: Path) -> None:
    source = recorded(here, calls())
    out = here / "workspace" / "plans" / "all.yaml"
    code, said, _ = run("infer", "--from", source, "--out", str(out))
    assert (code, f"rapport plan test --plan {out}" in said) == (0, True)
    plan = load_plan(out)
    assert list(plan.events) == ["Wishlist Shared", "order_completed"]
    assert "ada@" not in out.read_text()
    found = json.loads(run("test", "--from", source, "--strict", "--json")[1])
    assert [one["violations"] for one in found["events"]] == [0, 0]
    assert yaml.safe_load(run("infer", "--from", source)[1]) == yaml.safe_load(out.read_text())


def test_an_event_that_is_called_like_a_kind_is_left_out(here: Path) -> None:
    lines = [*calls(), track("Identified", messageId="i"), track("custom", messageId="c")]
    code, out, err = run("infer", "--from", recorded(here, lines))
    assert (code, list(yaml.safe_load(out)["events"])) == (
        0,
        ["Wishlist Shared", "order_completed"],
    )
    assert "left out: 2 of custom events that are called like a kind" in err


def test_only_the_sources_of_a_plan_are_held_against_it(here: Path) -> None:
    (here / "shop.yaml").write_text(f"sources: [inbound]\n{PLAN}")
    options = ("--plan", str(here / "shop.yaml"), "--from", recorded(here, calls()), "--json")
    assert json.loads(run("test", *options)[1])["refused"] == 0
    assert json.loads(run("test", *options, "--source", "inbound")[1])["refused"] == 2


def test_a_plan_that_is_applied_hides_nothing_from_another_one(here: Path) -> None:
    (here / "workspace" / "plans").mkdir()
    (here / "workspace" / "plans" / "all.yaml").write_text("unplanned: block\n")
    options = ("--plan", str(here / "shop.yaml"), "--from", recorded(here, calls()), "--json")
    assert json.loads(run("test", *options)[1])["refused"] == 2


def test_what_is_wrong_is_told(here: Path) -> None:
    (here / "shop.yaml").write_text(PLAN.replace("quarantine", "quarantin"))
    code, _, err = run("test", "--plan", str(here / "shop.yaml"), "--from", recorded(here, []))
    assert (code, f"{here}/shop.yaml:3: `events.Wishlist Shared.mode`" in err) == (1, True)
    assert run("test", "--from", str(here / "none.jsonl"))[0] == 2
    assert run("infer", "--from", recorded(here, ["no call"]))[0] == 1
    assert run("infer", "--since", "yesterday")[0] == 2
