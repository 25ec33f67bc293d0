"""When the last copy in Kafka is gone: from what the topics and brokers are set to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from schemas.topics import TOPICS, Topic
from services.common import clients
from services.common.settings import Settings

ASKED_WITHIN_S: Final = 15
#: What bounds the horizon: a topic of an older installation may have more.
BOUNDS: Final = ("segment.ms", "max.compaction.lag.ms")
#: Brokers that do not tell: Kafka's defaults.
CHECKED_EVERY_MS: Final = 300_000
CLEANED_EVERY_MS: Final = 15_000

Told = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Horizon:
    """How long a topic keeps what is to go: `ms` after it was written (or overwritten)."""

    ms: int
    why: str
    compacted: bool

    def after(self, moment: datetime) -> datetime:
        return moment + timedelta(milliseconds=self.ms)


def horizon_of(told: Told, checked_ms: int, cleaned_ms: int) -> Horizon:
    """By a topic's settings, and how often its broker drops and compacts.

    Files are dropped whole, when the newest record in them is older than the retention; they are
    compacted when they are closed, which the next append does once `segment.ms` (or the lag, if it
    is less) has passed since their first record.
    """
    segment, delay = int(told["segment.ms"]), int(told["file.delete.delay.ms"])
    if "compact" in told["cleanup.policy"]:
        lag = int(told["max.compaction.lag.ms"])
        ms = max(lag, min(lag, segment)) + 2 * cleaned_ms + delay
        why = (
            f"max.compaction.lag.ms {lag}, cleaned every {cleaned_ms} ms, file.delete.delay.ms "
            f"{delay}; the files are closed by the next append, or by `rapport erase --resume`"
        )
        return Horizon(ms, why, compacted=True)
    retention = int(told["retention.ms"])
    why = (
        f"retention.ms {retention}, segment.ms {segment}, checked every {checked_ms} ms, "
        f"file.delete.delay.ms {delay}"
    )
    return Horizon(retention + segment + checked_ms + delay, why, compacted=False)


class Kafka:
    """What the cluster says of its topics."""

    def __init__(self, settings: Settings) -> None:
        self._admin: Any = AdminClient(clients.kafka_config(settings))

    def horizons(self) -> dict[str, Horizon]:
        """By topic. KafkaException."""
        told = self._described(ConfigResource(ResourceType.TOPIC, one.name) for one in TOPICS)
        broker = next(iter(self._admin.list_topics(timeout=ASKED_WITHIN_S).brokers))
        [said] = self._described([ConfigResource(ResourceType.BROKER, str(broker))]).values()
        checked = int(said.get("log.retention.check.interval.ms", CHECKED_EVERY_MS))
        cleaned = int(said.get("log.cleaner.backoff.ms", CLEANED_EVERY_MS))
        return {topic: horizon_of(one, checked, cleaned) for topic, one in told.items()}

    def files_go_within_s(self) -> float:
        """How long Kafka keeps files that were dropped or compacted."""
        told = self._described(ConfigResource(ResourceType.TOPIC, one.name) for one in TOPICS)
        return max(int(one["file.delete.delay.ms"]) for one in told.values()) / 1_000

    def unbounded(self) -> dict[str, dict[str, str]]:
        """Topics whose settings keep what is to go for longer than the map says -> those of it."""
        there = self._admin.list_topics(timeout=ASKED_WITHIN_S).topics
        known = [topic for topic in TOPICS if topic.name in there]
        told = self._described(ConfigResource(ResourceType.TOPIC, one.name) for one in known)
        found = {topic.name: _too_long(topic, told[topic.name]) for topic in known}
        return {name: wanted for name, wanted in found.items() if wanted}

    def bound(self) -> list[str]:
        """Set these as the map says; the topics that were changed."""
        wanted = self.unbounded()
        changes = [
            ConfigResource(
                ResourceType.TOPIC,
                name,
                incremental_configs=[
                    ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                    for key, value in values.items()
                ],
            )
            for name, values in wanted.items()
        ]
        for future in self._admin.incremental_alter_configs(changes).values() if changes else ():
            future.result(ASKED_WITHIN_S)
        return sorted(wanted)

    def _described(self, resources: Iterable[Any]) -> dict[str, dict[str, str]]:
        asked = self._admin.describe_configs(list(resources), request_timeout=ASKED_WITHIN_S)
        return {
            resource.name: {name: entry.value for name, entry in future.result().items()}
            for resource, future in asked.items()
        }


def _too_long(topic: Topic, told: Told) -> dict[str, str]:
    wanted = topic.config()
    return {
        name: wanted[name]
        for name in BOUNDS
        if name in wanted and int(told[name]) > int(wanted[name])
    }


def at_ms(published_ms: int) -> datetime:
    """A Kafka timestamp as a moment."""
    return datetime.fromtimestamp(published_ms / 1_000, UTC)
