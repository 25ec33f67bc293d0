"""Tracking plans in a running ingest: taken without a restart; a wrong one takes nothing down."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.common.workspace_files import load_workspaces
from services.common.workspace_version import version_of
from tests.integration.test_ingest import KEY, Ingest, found
from tests.integration.test_ingest_workspace import folder, ingest
from tests.waiting import until

__all__ = ["folder", "ingest"]

RUN = CliRunner()
PLAN = """\
unplanned: allow
events:
  Wishlist Shared:
    mode: {mode}
    schema:
      required: [size]
      properties:
        size: {{type: integer}}
"""


class Sender:
    """Sends wishlists without an end, each under an id of its own."""

    def __init__(self, ingest: Ingest, prefix: str) -> None:
        self._url, self._prefix, self.sent = f"{ingest.url}/v1/track", prefix, 0

    def send(self, **properties: Any) -> str:
        message_id = f"{self._prefix}-{self.sent}"
        self.sent += 1
        call = {"event": "Wishlist Shared", "userId": "u", "messageId": message_id}
        body = call | {"properties": properties}
        answer = httpx.post(self._url, json=body, auth=(KEY, ""), timeout=30)
        assert answer.status_code == 200, answer.text
        return message_id


def metric(ingest: Ingest, line: str) -> bool:
    return line in httpx.get(f"{ingest.url}/metrics", timeout=5).text


def violated(ingest: Ingest, mode: str) -> bool:
    counted = 'rapport_ingest_violations_total{event="Wishlist Shared",mode="%s",source="web"}'
    return metric(ingest, counted % mode)


def test_a_plan_takes_effect_and_a_wrong_one_leaves_the_last_good_one(
    ingest: Ingest, folder: Path, prefix: str
) -> None:
    sender = Sender(ingest, prefix)
    plan = folder / "plans" / "shop.yaml"
    plan.parent.mkdir()

    def send_until(mode: str) -> None:
        def seen() -> bool:
            sender.send(size="ada@x.example")
            return violated(ingest, mode)

        until(seen, f"the mode {mode} to be in force")

    plan.write_text(PLAN.format(mode="block"))
    send_until("block")

    plan.write_text(PLAN.format(mode="blok"))
    until(lambda: metric(ingest, "rapport_workspace_refused 1.0"), "the wrong plan to be noticed")
    assert f"{plan}:4: `events.Wishlist Shared.mode` is 'blok'" in ingest.log.read_text()
    blocked, good = sender.send(size="ada@x.example"), sender.send(size=3)

    found(ingest.kafka, "touchpoints.accepted", named(good), 1)
    letters = found(ingest.kafka, "dead_letters", named(blocked), 1)
    assert [(each["reason"], each["field"]) for each in letters] == [("plan_blocked", "size")]
    [told] = found(ingest.kafka, "violations", named(blocked), 1)
    assert (told["event"], told["outcome"], told["plan"]) == ("Wishlist Shared", "blocked", "shop")
    assert [(each["field"], each["rule"]) for each in told["faults"]] == [("size", "type")]
    assert "ada@" not in str(told)

    applied = apply_draft(ingest, folder, PLAN.format(mode="allow"))
    version = version_of(load_workspaces(folder))
    assert f"ingest at {ingest.url}/metrics runs {version}\n" in applied
    assert "not counted what the plans would refuse" in applied
    assert sender.send(size="ada@x.example") == f"{prefix}-{sender.sent - 1}"
    assert violated(ingest, "allow")


def apply_draft(ingest: Ingest, folder: Path, plan: str) -> str:
    """Applies a copy of the folder with this plan; what the command says."""
    draft = Path(shutil.copytree(folder, folder.with_name("draft")))
    (draft / "plans" / "shop.yaml").write_text(plan)
    done = RUN.invoke(
        app("workspace"), ["workspace", "apply", str(draft), "--yes"], env=ingest.environment
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def named(message_id: str) -> Any:
    return lambda value: value["message_id"] == message_id
