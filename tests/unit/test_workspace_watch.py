"""The workspace is read again when its files have changed, rest, and are right."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from services.common import workspace_watch
from services.common.workspace import Workspace
from services.common.workspace_files import load_workspaces
from services.common.workspace_metrics import REFUSED, VERSION
from services.common.workspace_version import version_of
from services.common.workspace_watch import Workspaces, WorkspaceWatch

EXAMPLE = Path("deploy/workspace")
ANOTHER = "- name: shop\n"


class Watched:
    """A watch on a copy of the example, and what it handed over."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(shutil.copytree(EXAMPLE, folder / "demo"))
        self.taken: list[Workspaces] = []
        first = load_workspaces(folder)
        self.watch = WorkspaceWatch(folder, first, self.taken.append)
        self.look(2)
        assert self.taken == []

    def write(self, text: str, file: str = "sources.yaml") -> None:
        (self.folder / file).write_text(text)

    def look(self, times: int) -> None:
        for _ in range(times):
            self.watch.look()

    def sources(self) -> list[str]:
        [demo] = self.taken[-1].values()
        return [source.name for source in demo.sources]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_change_counts_once_it_rests(watched: Watched) -> None:
    watched.write("- name: s\n")
    watched.look(1)
    watched.write(ANOTHER)
    watched.look(1)
    assert watched.taken == []
    watched.look(1)
    assert watched.sources() == ["shop"]
    watched.look(3)
    assert len(watched.taken) == 1


def test_a_wrong_file_changes_nothing_until_it_is_right(watched: Watched) -> None:
    watched.write("- nam: shop\n")
    watched.look(3)
    assert watched.taken == []
    assert REFUSED._value.get() == 1
    watched.write(ANOTHER)
    watched.look(2)
    assert watched.sources() == ["shop"]
    assert REFUSED._value.get() == 0


def test_what_changes_while_it_is_read_is_read_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_and_change(folder: Path) -> dict[str, Workspace]:
        found = load_workspaces(folder)
        watched.write("- name: later\n")
        return found

    watched.write(ANOTHER)
    with monkeypatch.context() as patch:
        patch.setattr(workspace_watch, "load_workspaces", read_and_change)
        watched.look(2)
    assert watched.taken == []
    watched.look(2)
    assert watched.sources() == ["later"]


def test_the_version_in_use_is_told(watched: Watched, tmp_path: Path) -> None:
    def told() -> list[str]:
        [metric] = VERSION.collect()
        return [sample.labels["version"] for sample in metric.samples]

    assert told() == [version_of(load_workspaces(tmp_path))]
    watched.write("- nam: shop\n")
    before = told()
    watched.look(3)
    assert told() == before
    watched.write(ANOTHER)
    watched.look(2)
    assert told() == [version_of(load_workspaces(tmp_path))] != before


def test_what_says_the_same_is_not_handed_over(watched: Watched) -> None:
    watched.write("# a word\n" + (watched.folder / "sources.yaml").read_text())
    watched.look(2)
    assert watched.taken == []


def test_a_workspace_that_is_added_or_removed_waits_for_a_restart(
    watched: Watched, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "other")
    (tmp_path / "other" / "workspace.yaml").write_text("name: other\n")
    (tmp_path / "other" / "api_keys.yaml").write_text("keys: []")  # each is of one workspace
    watched.write(ANOTHER)
    watched.look(2)
    assert list(watched.taken[-1]) == ["demo"]
    assert watched.sources() == ["shop"]
    shutil.rmtree(watched.folder)
    watched.look(2)
    assert list(watched.taken[-1]) == ["demo"]


def test_a_folder_that_is_gone_for_a_moment_changes_nothing(watched: Watched) -> None:
    away = watched.folder.rename(watched.folder.with_name("away.d"))
    (away / "workspace.yaml").rename(away / "later")
    watched.look(3)
    assert watched.taken == []


def test_a_change_between_reading_and_watching_is_seen(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "demo"))
    first = load_workspaces(folder)
    (folder / "sources.yaml").write_text(ANOTHER)
    taken: list[dict[str, Workspace]] = []
    watch = WorkspaceWatch(folder, first, lambda found: taken.append(dict(found)))
    watch.look()
    watch.look()
    assert [source.name for source in taken[-1]["demo"].sources] == ["shop"]


def test_a_changed_mapping_is_taken_too(watched: Watched) -> None:
    watched.look(2)
    watched.write("call: page\nuser_id: id\n", "mappings/visits.yaml")
    watched.look(2)
    assert list(watched.taken[-1]["demo"].mappings) == ["orders", "visits"]
