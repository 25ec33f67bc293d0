"""A stage for delivery: real Redis and Kafka, receivers, and deliver as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis
import yaml
from confluent_kafka import Consumer, KafkaException, TopicPartition

from deploy.embedded.engines import Engines
from schemas.alert import Alert
from schemas.base import to_json
from schemas.lifecycle import Cause, LifecycleChanged, Stage
from services.cli.demo.drain import values_from
from services.common import clients
from services.common.settings import Settings

KEY = bytes(range(32))
SECRET = "whsec_" + b64encode(KEY).decode()
TOPICS = ("lifecycle.changed", "alerts.raised", "actions.requested")
#: Database of Redis that only delivery's tests use; emptied for each.
DATABASE = 7
RUN = (
    "from services.common.settings import Settings; from services.journey.deliver import run; "
    "run(Settings())"
)


def event(workspace: str, *, historic: bool = False, detail: str = "test") -> LifecycleChanged:
    now = datetime.now(UTC)
    return LifecycleChanged(
        workspace=workspace,
        profile_id=uuid4(),
        event_id=uuid4(),
        from_stage=Stage.NEW,
        to_stage=Stage.GROWING,
        at=now,
        decided_at=now,
        cause=Cause(type="event", detail=detail),
        scores_version=1,
        historic=historic,
    )


def alert(workspace: str) -> Alert:
    now = datetime.now(UTC)
    return Alert(
        workspace=workspace,
        profile_id=uuid4(),
        event_id=uuid4(),
        alert_id=uuid4(),
        kind="churn_risk",
        state="raised",
        severity=2,
        at=now,
        decided_at=now,
        cause=Cause(type="time", detail="test"),
        suggested_action="call",
        scores_version=1,
    )


@dataclass
class DeliverStage:
    """One workspace of its own on the shared engines."""

    engines: Engines
    workspace: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def redis_url(self) -> str:
        return self.engines.redis.rsplit("/", 1)[0] + f"/{DATABASE}"

    @property
    def settings(self) -> Settings:
        return Settings(
            kafka=self.engines.kafka,
            redis=self.redis_url,
            workspace=self.folder / "workspace",
            webhook_allow_private=True,
            session_timeout_ms=6_000,
        )

    def redis(self) -> redis.Redis:
        return clients.redis_client(self.settings)

    def endpoints(self, urls: Mapping[str, str], events: tuple[str, ...] = TOPICS) -> None:
        """Write the workspace that `start` reads."""
        home = self.folder / "workspace"
        home.mkdir(exist_ok=True)
        (home / "workspace.yaml").write_text(yaml.safe_dump({"name": self.workspace}))
        (home / "sources.yaml").write_text("[]")
        (home / "identity.yaml").write_text("kinds: [{kind: user_id, limit: 1}]")
        listed = [
            {"name": name, "url": url, "events": list(events), "secret_env": "TEST_SECRET"}
            for name, url in urls.items()
        ]
        (home / "endpoints.yaml").write_text(yaml.safe_dump(listed))

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """Deliver as a process of its own; its log is in the folder."""
        settings = self.settings
        given = {
            "RAPPORT_KAFKA": settings.kafka,
            "RAPPORT_REDIS": settings.redis,
            "RAPPORT_WORKSPACE": str(settings.workspace),
            "RAPPORT_WEBHOOK_ALLOW_PRIVATE": "1",
            "RAPPORT_WEBHOOK_RETRY_SCALE": "0.05",
            "RAPPORT_SESSION_TIMEOUT_MS": str(settings.session_timeout_ms),
            "TEST_SECRET": SECRET,
            "TMPDIR": str(self.temporary),
        }
        with (self.folder / "deliver.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", RUN],
                env={**os.environ, **given, **environment},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    @property
    def temporary(self) -> Path:
        found = self.folder / "tmp"
        found.mkdir(exist_ok=True)
        return found

    def log(self) -> str:
        path = self.folder / "deliver.log"
        return path.read_text() if path.exists() else ""

    def publish(self, events: list[Any]) -> set[str]:
        """Publish events on the topic of their kind; returns their ids."""
        out = clients.producer(self.settings)
        for one in events:
            topic = TOPICS[1] if isinstance(one, Alert) else TOPICS[0]
            out.produce(topic, key=one.profile_id.bytes, value=to_json(one))
        assert out.flush(30) == 0
        return {str(one.event_id) for one in events}

    def publish_bytes(self, topic: str, value: bytes) -> None:
        out = clients.producer(self.settings)
        out.produce(topic, value=value)
        assert out.flush(30) == 0

    def lag(self) -> int:
        """Events of the topics that the group has not committed."""
        with self._consumer("journey.deliver") as consumer:
            return sum(_behind(consumer, topic) for topic in TOPICS)

    def dead_letters(self) -> list[dict[str, Any]]:
        """All dead letters of this workspace that are on the topic."""
        starts = {("dead_letters", number): 0 for number in range(self.settings.partitions)}
        found = [json.loads(value) for value in values_from(self.settings, starts)]
        return [one for one in found if one["workspace"] == self.workspace]

    @contextmanager
    def _consumer(self, group: str) -> Iterator[Any]:
        consumer = Consumer(
            {"bootstrap.servers": self.engines.kafka, "group.id": group, "log_level": 3}
        )
        try:
            yield consumer
        finally:
            consumer.close()

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


@contextmanager
def stage(engines: Engines) -> Iterator[DeliverStage]:
    with tempfile.TemporaryDirectory() as folder:
        made = DeliverStage(engines, f"t{uuid4().hex[:12]}", Path(folder))
        clients.ensure_topics(made.settings)
        with made.redis() as client:
            client.flushdb()
        try:
            yield made
        finally:
            made.close()


def _behind(consumer: Any, topic: str) -> int:
    places = [
        TopicPartition(topic, number)
        for number in consumer.list_topics(topic).topics[topic].partitions
    ]
    behind = 0
    for place in consumer.committed(places, timeout=10):
        low, high = _ends(consumer, place)
        behind += high - max(low, place.offset)
    return behind


def _ends(consumer: Any, place: TopicPartition) -> tuple[int, int]:
    """First offset and end; a topic that was just made may have no leader yet."""
    for _ in range(50):
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=10)
        except KafkaException:
            time.sleep(0.2)
        else:
            return low, high
    raise AssertionError(f"{place.topic} has no leader")
