"""Score as a process: every snapshot gets its newest scores, whoever is killed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from pydantic import BaseModel

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import to_json
from schemas.scores import Scores
from services.common.clients import ensure_topics
from services.common.settings import Settings
from tests.scoring_messages import model, profile_id, redirect, snapshot

WITHIN_S = 60.0
ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 120


@pytest.fixture(scope="module")
def settings(engines: Engines) -> Settings:
    found = Settings(kafka=engines.kafka, redis=engines.redis, clickhouse=engines.clickhouse)
    ensure_topics(found)
    return found


@contextmanager
def scoring(settings: Settings, failpoint: str = "") -> Iterator[subprocess.Popen[str]]:
    """One process of `python -m services.scoring score`."""
    environment = os.environ | {
        "RAPPORT_KAFKA": settings.kafka,
        "RAPPORT_SESSION_TIMEOUT_MS": "6000",
        "RAPPORT_BATCH_EVENTS_MAX": "50",
    }
    if failpoint:
        environment["RAPPORT_FAILPOINT"] = failpoint
    command = [sys.executable, "-m", "services.scoring", "score"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def publish(settings: Settings, topic: str, messages: list[tuple[str, BaseModel]]) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka})
    for key, message in messages:
        producer.produce(topic, to_json(message), key=key)
    assert producer.flush(30) == 0


def publish_people(settings: Settings, workspace: str, version: int = 0) -> None:
    people = [snapshot(n, version=version, workspace=workspace) for n in range(PEOPLE)]
    publish(settings, topics.PROFILES.name, [(str(one.profile_id), one) for one in people])


class Published:
    """What is on scores.changed, as a reader that came later would find it."""

    def __init__(self, settings: Settings, workspace: str) -> None:
        self.workspace = workspace
        self.last: dict[str, Scores] = {}
        self.ids: dict[tuple[str, int], set[bytes]] = {}
        self._consumer: Any = Consumer(
            {"bootstrap.servers": settings.kafka, "group.id": workspace, "log_level": 3}
        )
        self._consumer.assign(
            [TopicPartition(topics.SCORES.name, p, 0) for p in range(settings.partitions)]
        )

    def until(self, holds: Callable[[dict[str, Scores]], bool], what: str) -> dict[str, Scores]:
        deadline = time.monotonic() + WITHIN_S
        while not holds(self.last):
            assert time.monotonic() < deadline, f"not within {WITHIN_S:.0f} s: {what}"
            self.read()
        return self.last

    def read(self) -> None:
        for message in self._consumer.consume(500, 0.2):
            if message.error() is None and b'"%s"' % self.workspace.encode() in message.value():
                one = Scores.model_validate_json(message.value())
                marks = dict(message.headers())
                self.last[str(one.profile_id)] = one
                known = self.ids.setdefault((str(one.profile_id), one.version), set())
                known.add(marks["ce_id"] + message.value())

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def published(settings: Settings, prefix: str) -> Iterator[Published]:
    opened = Published(settings, prefix)
    yield opened
    opened.close()


def all_of_version(version: int) -> Callable[[dict[str, Scores]], bool]:
    def holds(found: dict[str, Scores]) -> bool:
        return len(found) == PEOPLE and all(one.model_version == version for one in found.values())

    return holds


def test_everybody_is_scored_and_scored_again_when_a_model_comes(
    settings: Settings, prefix: str, published: Published
) -> None:
    publish_people(settings, prefix)
    with scoring(settings) as process:
        before = published.until(all_of_version(0), "scores without a model")
        assert all("rfm" in one.missing for one in before.values())
        fitted = model(prefix)
        publish(settings, topics.MODELS.name, [(prefix, fitted)])
        after = published.until(all_of_version(fitted.version), "scores of the model")
        assert all(one.churn is not None for one in after.values())
        gone = redirect(0, into=1).model_copy(update={"workspace": prefix})
        publish(settings, topics.PROFILES.name, [(str(profile_id(0)), gone)])
        published.until(
            lambda found: found[str(profile_id(0))].merged_into == profile_id(1), "the redirect"
        )
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0


@pytest.mark.parametrize(
    "failpoint",
    ["middle_of_produce:2", "before_commit:2"],
)
def test_a_kill_anywhere_loses_nobody_and_repeats_the_same(
    settings: Settings, prefix: str, published: Published, failpoint: str
) -> None:
    fitted = model(prefix)
    publish(settings, topics.MODELS.name, [(prefix, fitted)])
    publish_people(settings, prefix)
    with scoring(settings, failpoint) as killed:
        killed.communicate(timeout=WITHIN_S)
        assert killed.returncode == -signal.SIGKILL
    with scoring(settings):
        published.until(all_of_version(fitted.version), "scores of everybody")
    assert all(len(contents) == 1 for contents in published.ids.values())


def test_a_model_that_came_while_nobody_scored_reaches_everybody(
    settings: Settings, prefix: str, published: Published
) -> None:
    publish_people(settings, prefix)
    with scoring(settings) as process:
        published.until(all_of_version(0), "scores without a model")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WITHIN_S)
    fitted = model(prefix)
    publish(settings, topics.MODELS.name, [(prefix, fitted)])
    with scoring(settings):
        published.until(all_of_version(fitted.version), "scores of the model")
