"""`rapport identity plan|apply` without engines: what concerns people, and wrong drafts."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import redis
import yaml
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.cli.identity import regroup
from services.cli.identity.reading import Reading, Unanswered
from services.cli.identity.regroup import Regrouping
from services.common import clients
from services.common.redis_store import RedisStore
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.profile.rules import rules_of
from services.profile.store import ProfileStore
from services.profile.stream import ProfileHandler
from tests.unit.graph_builders import components, seen
from tests.unit.profile_builders import SALT, SETTINGS, WORKSPACE, MemoryRedis, Run, fed, limited
from tests.unit.test_rule_change import regroup as decide_anew

RUN = CliRunner()
SPLIT = limited(email=1)


class ScannedRedis(MemoryRedis):
    """Gives components twice, as Redis may do while it resizes its table."""

    def __enter__(self) -> ScannedRedis:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def scan(self, cursor: int, match: bytes, count: int) -> tuple[int, list[bytes]]:
        keys = sorted(key for key in self.values if key.startswith(match[:-1]))
        return 1 - cursor, keys

    def pipeline(self, transaction: bool) -> ScannedRedis:
        self._asked: list[bytes] = []
        return self

    def get(self, key: bytes) -> bytes | None:
        return self.values.get(key)

    def set(self, key: bytes, value: bytes) -> None:
        self.values[key] = value

    def getrange(self, key: bytes, first: int, last: int) -> None:
        self._asked.append(self.values.get(key, b"")[first : last + 1])

    def execute(self) -> list[bytes]:
        return self._asked


def people(count: int) -> Run:
    """So many with two addresses each, and as many with one."""
    events = []
    for person in range(count):
        names = [f"email:{which}{person}@x.example" for which in "ab"]
        events += [seen(f"user_id:t{person}", name, at_s=person) for name in names]
        events += [seen(name, at_s=person + 1) for name in names]
        events.append(seen(f"user_id:o{person}", f"email:o{person}@x.example", at_s=person))
    return fed(events, 10)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    run, client = people(4), ScannedRedis()
    client.values, client.sets = run.redis.values, run.redis.sets
    folder = shutil.copytree("deploy/workspace", tmp_path / "running")
    monkeypatch.setenv("RAPPORT_WORKSPACE", str(folder))
    monkeypatch.setenv("RAPPORT_SALT", SALT)
    monkeypatch.setattr(clients, "redis_client", lambda _: client)
    return run


def draft(tmp_path: Path, kind: str, **fields: Any) -> str:
    folder = Path(shutil.copytree("deploy/workspace", tmp_path / "draft"))
    said = yaml.safe_load((folder / "identity.yaml").read_text())
    [rule] = [rule for rule in said["kinds"] if rule["kind"] == kind]
    rule |= fields
    (folder / "identity.yaml").write_text(yaml.safe_dump(said))
    return str(folder)


def plan(*arguments: str) -> tuple[int, str]:
    done = RUN.invoke(app("identity"), ["identity", "plan", *arguments])
    return done.exit_code, done.output


def test_a_plan_counts_everybody_once_though_redis_gives_some_twice(
    run: Run, tmp_path: Path
) -> None:
    code, output = plan(draft(tmp_path, "email", limit=1))
    assert code == 0
    assert "4 split into 8 (regroupings: 4 by limit)" in output
    assert "0 ids redirect to another profile, 4 begin to be one" in output
    assert "people are grouped anew" in output
    assert "to do it: rapport identity apply" in output
    assert "@x.example" not in output


def test_what_concerns_the_door_only_is_told_as_such(run: Run, tmp_path: Path) -> None:
    code, output = plan(draft(tmp_path, "user_id", spelling={"case": "fold"}))
    assert code == 0
    assert "at the door only: it is spelled so from now on" in output
    assert "nobody is grouped anew" in output


def test_the_same_rules_are_told_as_those_in_force(run: Run, tmp_path: Path) -> None:
    code, output = plan(draft(tmp_path, "user_id"), "--json")
    assert (code, json.loads(output)) == (0, {"changes": [], "people": None})


def test_a_wrong_draft_names_file_line_and_field(run: Run, tmp_path: Path) -> None:
    code, output = plan(draft(tmp_path, "user_id", limit=0))
    assert code == 1
    assert "identity.yaml" in output
    assert "limit" in output


def test_a_draft_without_the_workspace_says_which_there_are(run: Run, tmp_path: Path) -> None:
    folder = draft(tmp_path, "user_id")
    file = Path(folder) / "workspace.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"name": "other"}))
    code, output = plan(folder)
    assert code == 2
    assert "'demo' is not known; there are: other" in " ".join(output.replace("│", " ").split())


# -- regrouping ------------------------------------------------------------------------------------


class Asked:
    """A regrouping that profile answers at once; `deaf`: the first so many times by old rules."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, run: Run, *, deaf: int = 0) -> None:
        self.run, self.deaf, self.sent, self.wanted = run, deaf, list[bytes](), SPLIT
        client: Any = clients.redis_client(Settings())
        store = ProfileStore(client, 16)
        self.source = Reading(
            Settings(), SPLIT, rules_of(SPLIT), client, store, lambda: pytest.fail("no act")
        )
        monkeypatch.setattr(regroup, "publish", self._publish)
        monkeypatch.setattr(RedisStore, "offsets", lambda *_: {0: len(self.sent)})
        monkeypatch.setattr(regroup, "AGAIN_AFTER_S", 0.0)

    def _publish(self, _producer: object, records: Iterable[Any]) -> list[tuple[int, int]]:
        keys = [bytes.fromhex(json.loads(one.value)["component"]) for one in records]
        self.sent += keys
        if self.deaf:
            self.deaf -= 1
        else:
            decide_anew(self.run, keys, self.wanted)
        return [(0, len(self.sent) - len(keys) + number) for number in range(len(keys))]

    def go(self, former: Workspace | None = WORKSPACE) -> Regrouping:
        work = Regrouping(self.source, None, None if former is None else rules_of(former))
        work.run(lambda _: None)
        return work

    def changed(self, to: Workspace) -> Asked:
        """The same, once these are the rules in force."""
        self.wanted, self.source = to, replace(self.source, owner=to, rules=rules_of(to))
        return self


def test_only_components_in_which_somebody_changes_are_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch, run)
    work = asked.go()
    assert (work.asked, work.tally.new) == (4, 4)
    assert len(set(asked.sent)) == 4
    assert asked.go().asked == 0


def test_who_decided_by_the_former_rules_still_is_asked_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch, run, deaf=2)
    asked.go()
    mark = rules_of(SPLIT).mark
    assert [one.rules for one in components(run).values()].count(mark) == 4


def test_without_the_former_rules_everybody_is_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Asked(monkeypatch, run).go(former=None).asked == 8


@pytest.mark.parametrize("asked_at_once", [3, 2_000])
def test_whoever_the_last_change_left_alone_is_left_alone_by_the_next_one_as_well(
    run: Run, monkeypatch: pytest.MonkeyPatch, asked_at_once: int
) -> None:
    """Their mark is that of older rules, by which they look as by the former ones."""
    monkeypatch.setattr(regroup, "ASKED_MAX", asked_at_once)
    asked, again = Asked(monkeypatch, run), limited(email=1, phone=1)
    assert (asked.go().asked, len(set(asked.sent))) == (4, 4)
    assert asked.changed(again).go(SPLIT).asked == 0
    assert asked.changed(limited()).go(again).asked == 4, "who was split is one again"


def test_whoever_came_while_rules_were_changed_is_decided_on_by_the_next_change(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may have gone on by the older rules for a while: nothing says how they look."""
    asked = Asked(monkeypatch, run)
    asked.go()
    run.now_us = time.time_ns() // 1_000
    run.handler = ProfileHandler(cast(redis.Redis, run.redis), {"demo": WORKSPACE}, SETTINGS)
    run.take(seen("user_id:late", "email:late@x.example"))
    assert asked.changed(limited(email=1, phone=1)).go(SPLIT).asked == 1


def test_a_profile_that_never_has_the_new_rules_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unanswered, match="still decides by other rules"):
        Asked(monkeypatch, run, deaf=100).go()


def test_a_profile_that_reads_nothing_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, run)
    monkeypatch.setattr(RedisStore, "offsets", lambda *_: {0: 0})
    monkeypatch.setattr(regroup, "PATIENCE_S", 0.0)
    with pytest.raises(Unanswered, match="does it run"):
        asked.go()
