"""Refused over real HTTP → mended by a rule → arrives once, whatever is repeated or killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.dead_letter import DeadLetter
from schemas.letter_handled import LetterHandled
from services.cli.__main__ import app
from services.common.clients import clickhouse_client
from services.common.settings import Settings
from services.ingest.domain import ids
from services.scoring.store import DATABASE, migrate
from tests.columns_engine import fill
from tests.columns_messages import touchpoint
from tests.integration.test_ingest import Ingest, found, running

RUN = CliRunner()
CALLS_PER_TEST = 3


@dataclass
class Desk:
    """The command beside a running ingest; the test is what brings letters into the columns."""

    ingest: Ingest
    client: Any
    environment: dict[str, str]

    def run(self, *arguments: str, **settings: str) -> Result:
        """In this process: it starts a hundred times as fast."""
        command = ["dead-letters", *arguments]
        return RUN.invoke(app("dead-letters"), command, env=self.environment | settings)

    def killed(self, *arguments: str, failpoint: str) -> int:
        """In a process of its own, which passes the failpoint."""
        command = [sys.executable, "-m", "services.cli", "dead-letters", *arguments]
        environment = os.environ | self.environment | {"RAPPORT_FAILPOINT": failpoint}
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    def said(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def keep(self, letters: list[dict[str, Any]]) -> None:
        one = [(topics.DEAD_LETTERS.name, DeadLetter.model_validate(each)) for each in letters]
        assert fill(self.client, one) == []

    def note(self, letters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Bring what was done with each of the letters into the columns."""
        these = {letter["event_id"] for letter in letters}
        noted = found(
            self.ingest.kafka, topics.HANDLED.name, lambda v: v["letter_id"] in these, len(these)
        )
        fill(self.client, [(topics.HANDLED.name, LetterHandled.model_validate(v)) for v in noted])
        return noted


@pytest.fixture(scope="module")
def desk(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    client = clickhouse_client(Settings(clickhouse=engines.clickhouse))
    migrate(client, DATABASE)
    with running(engines.kafka, tmp_path_factory.mktemp("desk")) as ingest:
        environment = {
            "RAPPORT_KAFKA": engines.kafka,
            "RAPPORT_CLICKHOUSE": engines.clickhouse,
            "RAPPORT_SALT": "test salt",
        }
        yield Desk(ingest, client, environment)
    client.close()


def refused(desk: Desk, prefix: str, **named: str) -> list[dict[str, Any]]:
    """Calls in a batch whose total is no number; their letters, in the columns too."""
    call = {
        "type": "track",
        "event": "Order Completed",
        "userId": "u",
        "timestamp": "2026-01-01T00:00:00Z",
    }
    calls = [
        call
        | {name: f"{value}-{number}" for name, value in named.items()}
        | {"properties": {"order_id": f"{prefix}-{number}", "total": "a lot: 9.5"}}
        for number in range(CALLS_PER_TEST)
    ]
    body = {"batch": calls, "sentAt": "2026-01-01T00:05:00Z"}
    assert desk.ingest.send("batch", body).status_code == 200
    letters = found(desk.ingest.kafka, topics.DEAD_LETTERS.name, of(prefix), CALLS_PER_TEST)
    desk.keep(letters)
    return letters


def of(prefix: str) -> Any:
    """Letters are known by what their bytes hold."""
    return lambda value: prefix.encode() in b64decode(value["original"])


def arrivals(desk: Desk, prefix: str, count: int) -> list[dict[str, Any]]:
    return found(
        desk.ingest.kafka,
        topics.ACCEPTED.name,
        lambda value: str(value["properties"].get("order_id")).startswith(prefix),
        count,
    )


def each(letters: list[dict[str, Any]]) -> list[str]:
    return [part for letter in letters for part in ("--id", letter["event_id"])]


RULE = """
- replace: {path: properties.total, pattern: '^a lot: ', by: ''}
- cast: {path: properties.total, to: number}
"""


@pytest.fixture
def rule(tmp_path: Path) -> str:
    (tmp_path / "rule.yaml").write_text(RULE)
    return str(tmp_path / "rule.yaml")


def test_refused_mended_and_arrived_as_the_event_that_it_was(
    desk: Desk, prefix: str, rule: str
) -> None:
    letters = refused(desk, prefix)
    these = each(letters)
    tried = desk.said("redrive", *these, "--dry-run")
    assert (tried["passed"], tried["held"]) == (0, {"bad_properties": 3})
    tried = desk.said("redrive", *these, "--dry-run", "--rule", rule)
    assert (tried["passed"], tried["held"]) == (3, {})
    assert desk.said("redrive", *these)["passed"] == 0, "what would be refused stays open"
    assert desk.said("redrive", *these, "--rule", rule)["passed"] == 3
    received = {each["message_id"]: each["at"] for each in letters}
    for event in arrivals(desk, prefix, 3):
        assert event["event_id"] == ids.event_id("demo", event["message_id"])
        assert event["message_id"].startswith("content-")
        assert moment(event["received_at"]) == moment(received[event["message_id"]])
        late = moment(event["received_at"]) - moment(event["occurred_at"])
        assert late.total_seconds() == 300
    noted = desk.note(letters)
    assert {one["handling"] for one in noted} == {"redriven"}
    assert noted[0]["rule"].endswith("cast properties.total to number")
    assert desk.run("list", *these).stdout == "none\n"
    listed = desk.run("list", *these, "--state", "redriven", "--json").stdout.splitlines()
    assert [json.loads(line)["state"] for line in listed] == ["redriven"] * 3


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_killed_between_sending_and_noting_and_done_twice_it_arrives_under_one_id(
    desk: Desk, prefix: str, rule: str
) -> None:
    letters = refused(desk, prefix, messageId=prefix)
    command = ("redrive", *each(letters), "--rule", rule)
    assert desk.killed(*command, failpoint="redriven_before_noted") == -signal.SIGKILL
    for _ in range(2):
        assert desk.said(*command)["records"] == 3
    events = arrivals(desk, prefix, 9)
    wanted = {ids.event_id("demo", f"{prefix}-{number}") for number in range(3)}
    assert {event["event_id"] for event in events} == wanted


def test_an_edit_is_judged_before_it_is_sent(desk: Desk, prefix: str) -> None:
    letter, *_ = refused(desk, prefix)
    good = "sed -i 's/a lot: 9.5/9.5/'"
    bad_one = "sed -i 's/a lot: 9.5/ada@x.example/'"
    assert "nothing was changed" in desk.run("edit", letter["event_id"], EDITOR="true").stdout
    bad = desk.run("edit", letter["event_id"], EDITOR=bad_one)
    assert (bad.exit_code, "still refused, bad_properties" in bad.stderr) == (1, True)
    assert "ada@x.example" not in bad.stderr
    done = desk.run("edit", letter["event_id"], EDITOR=good)
    assert (done.exit_code, done.stdout) == (0, "1 of 1 letters sent again\n"), done.stderr
    [event] = arrivals(desk, prefix, 1)
    assert event["message_id"] == letter["message_id"]


def test_what_is_given_up_is_marked_and_still_there(desk: Desk, prefix: str) -> None:
    letters = refused(desk, prefix)
    these = each(letters)
    assert desk.run("discard", "--all", "--because", " ").exit_code == 2
    assert desk.run("discard", "--because", "x").exit_code == 2
    said = desk.run("discard", *these, "--because", "a test by ada@x.example")
    assert (said.exit_code, said.stdout) == (0, "3 of 3 letters given up\n"), said.stderr
    noted = desk.note(letters)
    assert {one["why"] for one in noted} == {"a test by ***@***"}
    shown = desk.run("show", letters[0]["event_id"])
    assert "state       discarded" in shown.stdout
    assert prefix in shown.stdout
    later = [letter | {"at": "2199-01-01T00:00:00Z"} for letter in letters[:1]]
    desk.keep(later)
    listed = desk.run("list", *these, "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in listed] == [letters[0]["event_id"]]


def test_what_the_columns_have_by_another_way_is_not_sent(
    desk: Desk, prefix: str, rule: str
) -> None:
    """Of calls that are older than what the profile service remembers."""
    letter, *_ = refused(desk, prefix)
    letter["way"]["received_at"] = "2026-01-01T00:00:00Z"
    desk.keep([letter | {"at": "2198-01-01T00:00:00Z"}])
    there = touchpoint("order_completed", workspace="demo", message=letter["message_id"])
    fill(desk.client, [(topics.RESOLVED.name, there)])
    said = desk.said("redrive", "--id", letter["event_id"], "--rule", rule)
    assert (said["passed"], said["records"], said["arrived_before"]) == (1, 0, 1)


def test_without_kafka_nothing_is_noted(desk: Desk, prefix: str, rule: str) -> None:
    letters = refused(desk, prefix)
    failed = desk.run("redrive", *each(letters), "--rule", rule, RAPPORT_KAFKA="127.0.0.1:1")
    assert (failed.exit_code, "RAPPORT_KAFKA" in failed.stderr) == (1, True)
    wrong = desk.run("redrive", *each(letters), "--cast", "properties.total=money")
    assert (wrong.exit_code, "no kind 'money'" in wrong.stderr) == (1, True)


def test_counts_tell_what_is_open(desk: Desk) -> None:
    rows = desk.run("counts", "--source", "web", "--json").stdout.splitlines()
    for row in map(json.loads, rows):
        assert row["letters"] == row["open"] + row["redriven"] + row["discarded"]
