"""A test run that was killed leaves nothing for long: the next one ends its engines."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.embedded.engines import Engines, start_engines
from deploy.embedded.process import Mark, birth, still_runs, write_mark
from tests import conftest


def test_the_next_run_ends_what_a_dead_run_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conftest, "HOMES", tmp_path)
    home = tmp_path / "home-left"
    left = start_engines(home, kafka="named", clickhouse="named")
    mark = Mark(left.pids["redis"], birth(left.pids["redis"]) or "", 0)
    write_mark(home / "pytest.json", _dead())
    conftest._clean_what_dead_runs_left()
    assert not still_runs(mark)
    assert not home.exists()


def test_the_engines_of_a_running_run_are_left_alone(
    embedded: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conftest, "HOMES", embedded.home.parent)
    conftest._clean_what_dead_runs_left()
    assert len(embedded.pids) == 3


def _dead() -> Mark:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    mark = Mark(ended.pid, birth(ended.pid) or "gone", 0)
    ended.wait()
    return mark
