"""`rapport workspace plan` and `apply`: what would change, and a swap that is all or nothing."""

from __future__ import annotations

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from deploy.embedded.process import Mark, birth, write_mark
from services.cli import workspace_effect, workspace_swap
from services.cli.__main__ import app
from services.cli.workspace_swap import SwapError, alone, exchanged, former_of, swap
from services.common.settings import Settings
from services.common.workspace_files import load_workspaces
from services.common.workspace_version import version_of

RUN = CliRunner()
OLD = "8c365d0d"
NEW = sha256(b"new").hexdigest()
SOURCES = f"""\
- name: web
  key_hashes: [{NEW}]
  limits: {{events_per_s: 5}}
- name: shop
"""


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(shutil.copytree("deploy/workspace", tmp_path / "running"))
    monkeypatch.setenv("RAPPORT_WORKSPACE", str(folder))
    monkeypatch.setenv("RAPPORT_HTTP_PORT", "1")
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(workspace_effect, "refused_lately", lambda _: "counted")
    monkeypatch.setattr("services.cli.workspace.refused_lately", lambda _: "counted")
    return folder


@pytest.fixture
def draft(running: Path) -> Path:
    return Path(shutil.copytree(running, running.with_name("draft")))


def run(*arguments: object, answer: str = "") -> tuple[int, str]:
    found = RUN.invoke(app("workspace"), ["workspace", *map(str, arguments)], input=answer)
    return found.exit_code, found.output


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_plan_says_what_changes_and_what_it_means(running: Path, draft: Path) -> None:
    (draft / "sources.yaml").write_text(SOURCES)
    (draft / "workspace.yaml").write_text("name: demo\ncurrency: EUR\n")
    (draft / "plans").mkdir()
    (draft / "plans" / "shop.yaml").write_text("unplanned: block\n")
    before = contents(running)
    code, said = run("plan", draft)
    assert (code, contents(running)) == (0, before)
    versions = version_of(load_workspaces(running)), version_of(load_workspaces(draft))
    followed = "the services follow within three seconds; nothing told before is taken back"
    assert said.splitlines() == [
        "~ demo.currency: USD -> EUR", f"    {followed}",
        f"- demo.sources.web.key_hashes.{OLD}", "    whoever sends this key gets 401",
        f"+ demo.sources.web.key_hashes.{NEW[:8]}", "    this key opens it too",
        "+ demo.sources.web.limits (events_per_s, burst)",
        "    beyond it senders get 429 with Retry-After",
        "- demo.sources.inbound (kind, key_hashes, limits, allowed_origins, public, enabled)",
        "    its senders get 401",
        "+ demo.sources.shop (kind, key_hashes, limits, allowed_origins, public, enabled)",
        "    ingest takes it over within three seconds",
        "+ demo.plans.shop (sources, unplanned, events)",
        "    ingest takes it over within three seconds",
        "counted",
        "running {}, draft {}".format(*versions),
    ]  # fmt: skip
    told = json.loads(run("plan", draft, "--json")[1])
    assert (told["running"], told["draft"]) == versions
    assert told["changes"][0]["place"] == "demo.currency"


def test_nothing_that_is_secret_or_personal_is_printed(running: Path, draft: Path) -> None:
    (draft / "sources.yaml").write_text(SOURCES)
    kinds = (draft / "identity.yaml").read_text().replace("blocked: [", "blocked: [ada@x.example, ")
    (draft / "identity.yaml").write_text(kinds)
    said = run("plan", draft)[1]
    assert "blocked" in said
    assert NEW not in said
    assert "ada@" not in said


def test_comments_and_the_order_of_fields_are_no_change(running: Path, draft: Path) -> None:
    (draft / "workspace.yaml").write_text("# x\ncurrency: USD\nname: demo\n")
    assert run("plan", draft)[1].splitlines()[0] == "nothing would change"
    assert run("apply", draft, "--yes") == (0, "nothing would change\n")
    assert not former_of(running).exists()


def test_apply_makes_the_draft_the_running_version_and_back(running: Path, draft: Path) -> None:
    before = contents(running)
    (draft / "sources.yaml").write_text(SOURCES)
    (draft / "plans").mkdir()
    (draft / "plans" / "shop.yaml").write_text("unplanned: block\n")
    code, said = run("apply", draft, "--yes")
    assert code == 0
    assert f"applied {version_of(load_workspaces(draft))} to {running}" in said
    assert "no ingest answers at http://127.0.0.1:1/metrics" in said
    assert contents(running) == contents(draft)
    assert run("apply", former_of(running), "--yes")[0] == 0
    assert contents(running) == before
    assert sorted(path.name for path in running.parent.iterdir()) == [
        ".running.lock", "draft", "running", "running.former",
    ]  # fmt: skip


def test_a_wrong_draft_is_not_applied(running: Path, draft: Path) -> None:
    before = contents(running)
    (draft / "sources.yaml").write_text("- nam: web\n")
    code, said = run("apply", draft, "--yes")
    assert (code, contents(running)) == (1, before)
    assert f"{draft}/sources.yaml:1: `0.nam` is no field" in said


def test_who_does_not_agree_changes_nothing(running: Path, draft: Path) -> None:
    before = contents(running)
    (draft / "sources.yaml").write_text(SOURCES)
    assert run("apply", draft, answer="n\n")[0] == 1
    assert contents(running) == before


def test_a_folder_with_more_than_a_workspace_is_not_exchanged(running: Path, draft: Path) -> None:
    (running / ".git").mkdir()
    (running / ".git" / "HEAD").write_text("ref")
    (draft / "sources.yaml").write_text(SOURCES)
    code, said = run("apply", draft, "--yes")
    assert (code, "holds more than a workspace" in said) == (1, True)
    assert (running / ".git" / "HEAD").exists()


def test_the_running_folder_is_no_draft(running: Path) -> None:
    assert run("apply", running, "--yes")[0] == 1


def test_a_first_and_a_broken_running_version_can_be_replaced(running: Path, draft: Path) -> None:
    (running / "sources.yaml").write_text("- nam: web\n")
    assert run("apply", draft, "--yes")[0] == 0
    shutil.rmtree(running)
    assert run("apply", draft, "--yes")[0] == 0
    assert contents(running) == contents(draft)


def test_the_folder_is_never_away(
    running: Path, draft: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system can exchange two folders in one step; elsewhere for a moment it is."""
    if not exchanges(running.parent):
        pytest.skip("this file system exchanges no folders")
    there: list[bool] = []
    rename = Path.rename

    def watched(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        there.append((running / "sources.yaml").exists())
        return moved

    monkeypatch.setattr(Path, "rename", watched)
    swap(draft, running)
    assert there
    assert all(there)


def test_two_do_not_apply_at_the_same_time(running: Path, draft: Path) -> None:
    (draft / "sources.yaml").write_text(SOURCES)
    before = contents(running)
    with alone(running):
        code, said = run("apply", draft, "--yes")
    assert (code, contents(running)) == (1, before)
    assert f"(process {os.getpid()} on " in said
    assert f"is applying to {running}; wait until that is done" in said
    assert run("apply", draft, "--yes")[0] == 0


def test_a_former_version_that_can_not_be_put_in_its_place_is_kept(
    running: Path, draft: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(running)
    (draft / "sources.yaml").write_text(SOURCES)
    rename = Path.rename

    def refused(self: Path, target: Path) -> Path:
        if Path(target) == former_of(running):
            raise OSError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    code, said = run("apply", draft, "--yes")
    assert (code, contents(running)) == (0, contents(draft))
    kept = running.with_name(".running.1.new")
    assert contents(kept) == before
    assert f"the draft is the running version, but {former_of(running)} can not be" in said
    assert f"rapport workspace apply {kept}" in said


def test_every_service_of_the_home_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for port, name in enumerate(("ingest", "profile", "columns"), start=1):
        mark = Mark(os.getpid(), birth(os.getpid()) or "", port)
        write_mark(tmp_path / "run" / f"{name}.json", mark)

    def told(url: str, **_: object) -> httpx.Response:
        version = {"http://127.0.0.1:1/metrics": "new"}.get(url, "old")
        return httpx.Response(200, text=f'rapport_workspace_info{{version="{version}"}} 1.0\n')

    monkeypatch.setattr(workspace_effect, "TAKEN_WITHIN_S", 0.01)
    monkeypatch.setattr(httpx, "get", told)
    said: list[str] = []
    assert not workspace_effect.all_follow(Settings(home=tmp_path), "new", said.append)
    assert said == [
        "1 of 2 services run new",
        "profile at http://127.0.0.1:2/metrics runs old: see its log",
    ]


def exchanges(folder: Path) -> bool:
    one, other = folder / "one", folder / "other"
    one.mkdir()
    other.mkdir()
    return exchanged(one, other)


def test_where_two_steps_are_needed_a_second_that_fails_takes_the_first_back(
    running: Path, draft: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(running)
    (draft / "sources.yaml").write_text(SOURCES)
    monkeypatch.setattr(workspace_swap, "exchanged", lambda *_: False)
    swap(draft, running)
    assert (contents(running), contents(former_of(running))) == (contents(draft), before)
    rename = Path.rename

    def refused(self: Path, target: Path) -> Path:
        if self.name == ".running.1.new":
            raise OSError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(SwapError, match="can not be exchanged: Permission denied"):
        swap(former_of(running), running)
    assert contents(running) == contents(draft)


@pytest.mark.parametrize("version", ["abc", "def"])
def test_what_ingest_runs_is_asked(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    text = 'rapport_workspace_info{version="abc"} 1.0\n'
    monkeypatch.setattr(workspace_effect, "TAKEN_WITHIN_S", 0.01)
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(200, text=text))
    said = workspace_effect.taken_over(Settings(), version)
    assert said.endswith("runs abc" if version == "abc" else "runs abc: see its log")
