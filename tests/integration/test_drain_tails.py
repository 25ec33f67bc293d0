"""What lies behind the last message of a topic that is written in transactions waits for nobody."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.embedded.engines import Engines
from services.cli.demo import drain
from services.cli.demo.drain import Drain
from services.common import clients
from services.common.settings import Settings


@dataclass
class Written:
    """A topic of one partition, written in transactions that are ended as one likes."""

    settings: Settings
    topic: str
    producer: Any = field(init=False)

    def __post_init__(self) -> None:
        self.producer = clients.producer(self.settings, **clients.fenced(self.settings, self.topic))
        self.producer.init_transactions(10)

    def write(self, messages: int, *, committed: bool) -> None:
        self.producer.begin_transaction()
        for _ in range(messages):
            self.producer.produce(self.topic, b"value", partition=0)
        self.producer.flush(10)
        end = self.producer.commit_transaction if committed else self.producer.abort_transaction
        end(10)

    def wait_for(self, end: int) -> int:
        """Until the log ends there: a marker is written after the answer to who asked for it."""
        reader = clients.consumer(self.settings, "test.drain")
        place, give_up_at = TopicPartition(self.topic, 0), time.monotonic() + 20
        try:
            while (found := reader.get_watermark_offsets(place, timeout=10)[1]) != end:
                assert time.monotonic() < give_up_at, f"the log ends at {found}, not {end}"
                time.sleep(0.05)
        finally:
            reader.close()
        return end


def test_only_messages_wait(engines: Engines, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(kafka=engines.kafka, redis=engines.redis)
    topic = f"{prefix}.marked"
    admin = AdminClient(clients.kafka_config(settings))
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result()
    monkeypatch.setattr(drain, "MARKED", frozenset({topic}))
    written, looking = Written(settings, topic), Drain(settings)
    written.write(3, committed=True)
    place, end = (topic, 0), written.wait_for(4)
    assert looking._behind(place, 3, end) == 0, "its marker"
    assert [looking._behind(place, 1, end) for _ in range(2)] == [3, 3]
    written.write(2, committed=False)
    end = written.wait_for(7)
    assert [looking._behind(place, 3, end) for _ in range(2)] == [4, 0], "an aborted transaction"
    written.write(1, committed=True)
    end = written.wait_for(9)
    assert [looking._behind(place, 3, end) for _ in range(2)] == [6, 6]
