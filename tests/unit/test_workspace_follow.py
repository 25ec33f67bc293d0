"""A service that works in rounds takes another workspace over between two of them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from services.common.workspace_files import WorkspaceError, load_workspaces
from services.common.workspace_follow import Followed
from services.common.workspace_metrics import VERSION
from services.common.workspace_version import version_of
from services.scoring.decide import Asked
from services.scoring.models import Models


def told() -> list[str]:
    [metric] = VERSION.collect()
    return [sample.labels["version"] for sample in metric.samples]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree("deploy/workspace", tmp_path / "demo"))


def test_what_came_counts_and_is_told_from_the_next_round_on(folder: Path) -> None:
    followed = Followed(folder)
    first = followed.current
    followed._watch.look()
    (folder / "sources.yaml").write_text("- name: shop\n")
    for _ in range(3):
        followed._watch.look()
    assert followed.current is first, "the round goes on with what it began with"
    assert told() == [version_of(first)]
    assert followed.renewed()
    assert [source.name for source in followed.current["demo"].sources] == ["shop"]
    assert told() == [version_of(load_workspaces(folder))] != [version_of(first)]
    assert not followed.renewed()


def test_a_wrong_file_renews_nothing(folder: Path) -> None:
    followed = Followed(folder)
    followed._watch.look()
    (folder / "identity.yaml").write_text("kinds: 7\n")
    for _ in range(3):
        followed._watch.look()
    assert not followed.renewed()


def test_nothing_starts_without_a_right_workspace(folder: Path) -> None:
    (folder / "lifecycle.yaml").write_text("silent_gaps_lost: .inf\n")
    with pytest.raises(WorkspaceError, match="silent_gaps_lost"):
        Followed(folder)


class NoModels:
    """A topic of models with one empty partition."""

    def list_topics(self, topic: str, timeout: float) -> Any:
        return type("Topics", (), {"topics": {topic: type("T", (), {"partitions": [0]})()}})()

    def assign(self, places: list[TopicPartition]) -> None: ...

    def consume(self, count: int, timeout: float) -> list[Any]:
        return []


def test_only_other_thresholds_let_everybody_be_scored_again() -> None:
    same, other = {"demo": Asked((0.5,))}, {"demo": Asked((0.4,))}
    found: list[Mapping[str, Asked] | None] = [None, same, other]
    models = Models(NoModels(), same, lambda: found.pop(0) if found else None)
    before = models.fingerprint()
    assert [models.follow() for _ in range(2)] == [False, False]
    assert models.fingerprint() == before
    assert models.follow()
    assert models.fingerprint() != before
    assert models.ground().asked == other
    assert not models.follow()
