"""Identity on real engines: rules are changed under people, killed in the middle, and requests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from deploy.embedded.engines import Engines
from schemas.touchpoint import Touchpoint
from services.cli.__main__ import app
from services.cli.identity import regroup
from services.cli.identity.walk import components
from services.common import clients
from services.common.run import Stop
from services.common.settings import Settings
from services.common.step_service import Plan, _Worker
from services.common.workspace import Workspace
from services.common.workspace_files import load_workspaces
from services.common.workspace_follow import Followed
from services.profile.rules import rules_of
from services.profile.stream import ProfileHandler
from tests.integration.test_ingest import running
from tests.integration.test_profile_on_real_engines import published, send, until_resolved
from tests.unit.profile_builders import SALT, fed, touchpoint

RUN = CliRunner()
PEOPLE = 300
ONCE = (
    "from services.cli.identity import regroup; regroup.ASKED_MAX = 40; regroup.SERVICE = {!r};"
    "from services.cli.__main__ import main; main()"
)


@dataclass
class Cell:
    """A workspace of its own in a folder of its own, and the commands on it."""

    settings: Settings
    folder: Path
    name: str

    @property
    def service(self) -> str:
        """Of this workspace's profile service: its places are its own."""
        return f"profile-{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "RAPPORT_KAFKA": self.settings.kafka,
            "RAPPORT_REDIS": self.settings.redis,
            "RAPPORT_SALT": SALT,
            "RAPPORT_WORKSPACE": str(self.folder),
            "RAPPORT_HOME": str(self.folder.parent / "home"),
            "RAPPORT_HTTP_PORT": "1",
        }

    def run(self, *arguments: str) -> Result:
        return RUN.invoke(app("identity"), ["identity", *arguments], env=self.environment)

    def said(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        answer: dict[str, Any] = json.loads(done.output.strip().splitlines()[-1])
        return answer

    def killed(self, *arguments: str, failpoint: str) -> int:
        """In a process of its own, which asks for few components at once and passes there."""
        once = ONCE.format(self.service)
        command = [sys.executable, "-c", once, "identity", *arguments]
        environment = os.environ | self.environment | {"RAPPORT_FAILPOINT": failpoint}
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        print(done.stdout, done.stderr)  # noqa: T201 - where it was not killed
        return done.returncode

    def draft(self, **limits: int) -> Path:
        """The folder's copy with other limits."""
        draft = Path(shutil.copytree(self.folder, self.folder.with_name("draft")))
        file = draft / "identity.yaml"
        said = yaml.safe_load(file.read_text())
        for rule in said["kinds"]:
            rule["limit"] = limits.get(rule["kind"], rule["limit"])
        file.write_text(yaml.safe_dump(said))
        return draft

    def workspace(self, folder: Path) -> Workspace:
        return load_workspaces(folder)[self.name]

    def marks(self) -> list[int]:
        """By which rules each component was decided on last."""
        with clients.redis_client(self.settings) as client:
            found = components(client, self.name, lambda _: None)
            return list({one.key: one.component.rules for one in found}.values())

    def shown(self) -> dict[str, dict[str, Any]]:
        """The newest of each profile on the topic, without what changes with time."""
        newest = dict(published(self.settings, "profiles.changed", self.name))
        return {key.decode(): timeless(value) for key, value in newest.items()}

    @contextmanager
    def profile(self) -> Iterator[None]:
        """The service, which follows the folder."""
        stop = Stop()
        with Followed(self.folder) as followed:
            plan = Plan(
                self.service,
                "touchpoints.accepted",
                lambda client: ProfileHandler(client, followed.current, self.settings),
                fenced=True,
                renewed=followed.renewed,
            )
            thread = threading.Thread(target=_Worker(self.settings, plan, stop).run, daemon=True)
            thread.start()
            try:
                yield
            finally:
                stop.set()
                thread.join(30)
                assert not thread.is_alive()


def timeless(value: bytes) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(value)
    return {name: one for name, one in said.items() if name not in ("version", "updated_at")}


def living(shown: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: value for key, value in shown.items() if value.get("merged_into") is None}


@pytest.fixture
def cell(engines: Engines, tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Cell:
    settings = Settings(
        kafka=engines.kafka,
        redis=engines.redis,
        clickhouse=engines.clickhouse,
        salt=SALT,
        session_timeout_ms=6000,
    )
    folder = Path(shutil.copytree("deploy/workspace", tmp_path / "running"))
    plain = folder / "workspace.yaml"
    plain.write_text(yaml.safe_dump(yaml.safe_load(plain.read_text()) | {"name": prefix}))
    clients.ensure_topics(settings)
    cell = Cell(settings, folder, prefix)
    monkeypatch.setattr(regroup, "SERVICE", cell.service)
    return cell


def families(workspace: str) -> list[Touchpoint]:
    """A third have two addresses; each of another third shares an address with one of the last."""
    events = []
    for person in range(PEOPLE):
        user, about = f"user_id:u{person}", {"workspace": workspace}
        names = [[user, f"email:s{person - person % 3}@x.example"], [user]]
        if person % 3 == 0:
            one, other = (f"email:{which}{person}@x.example" for which in "ab")
            names = [[user, one], [one], [user, other], [other]]
        events += [
            touchpoint(
                *those, at_s=person * 60 + number, message=f"{workspace}-{person}-{number}", **about
            )
            for number, those in enumerate(names)
        ]
    return events


def test_a_plan_is_what_happens_and_killed_in_the_middle_it_goes_on(cell: Cell) -> None:
    events, draft = families(cell.name), cell.draft(email=1, user_id=2)
    wanted = cell.workspace(draft)
    with cell.profile():
        send(cell.settings, events)
        until_resolved(cell.settings, cell.name, len(events))
        was = living(cell.shown())
        plan = cell.said("plan", str(draft))["people"]
        killed = cell.killed("apply", str(draft), "--yes", failpoint="regrouped:2")
        assert killed == -signal.SIGKILL
        done = cell.marks().count(rules_of(wanted).mark)
        assert 0 < done < plan["components_that_differ"]
        went_on = cell.said("apply")[cell.name]["components_regrouped"]
        assert went_on == plan["components_that_differ"] - done
        assert cell.said("apply")[cell.name]["components_regrouped"] == 0
    shown = cell.shown()
    now = living(shown)
    assert plan["profiles"] == len(was)
    assert plan["ids_gone"] == len(was.keys() - now.keys()) == PEOPLE // 3
    assert plan["ids_new"] == len(now.keys() - was.keys()) == PEOPLE // 3
    assert plan["fates"]["merge"]["before"] == 2 * plan["fates"]["merge"]["after"]
    assert plan["fates"]["split"]["after"] == 2 * plan["fates"]["split"]["before"]
    assert all(shown[key]["merged_into"] in now for key in was.keys() - now.keys())
    control = {
        key.decode(): timeless(output.value)
        for key, output in fed(events, 50, wanted).topic.items()
    }
    assert now == living(control)


def test_a_merge_is_asked_for_and_parted_again_as_if_it_had_never_been(
    cell: Cell, tmp_path: Path
) -> None:
    about = {"workspace": cell.name}
    events = [
        touchpoint("user_id:u0", at_s=1, message=f"{cell.name}-0", **about),
        touchpoint("user_id:u1", at_s=2, message=f"{cell.name}-1", **about),
    ]
    with (
        running(cell.settings.kafka, tmp_path, RAPPORT_WORKSPACE=str(cell.folder)),
        cell.profile(),
    ):
        send(cell.settings, events)
        until_resolved(cell.settings, cell.name, len(events))
        two = ("user_id:u0", "user_id:u1")
        merged = cell.said("merge", *two, "--reason", "same person", "--by", "ann")
        assert (merged["taken"], merged["reached"]) == (True, True)
        until_resolved(cell.settings, cell.name, 3)
        assert len(living(cell.shown())) == 1
        parted = cell.said("unmerge", *two, "--reason", "no")
        assert parted["reached"]
        until_resolved(cell.settings, cell.name, 4)
        assert len(living(cell.shown())) == 2
        again = cell.run("unmerge", *two)
        assert again.exit_code == 1
        assert "there is nothing to part" in again.output
