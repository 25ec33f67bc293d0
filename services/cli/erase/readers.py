"""Waiting until the services have read what was written: nothing of a person is on its way then."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import redis
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from schemas import topics
from schemas.erasure import ReadUpTo
from services.common import clients
from services.common.settings import Settings
from services.journey.deliver.keys import position
from services.journey.store import state_key, state_of
from services.profile.rebuild.decided import read_up_to

LOOK_AGAIN_S: Final = 0.3
ASKED_WITHIN_S: Final = 10
EFFECTS: Final = (topics.LIFECYCLE, topics.ALERTS, topics.ACTIONS)
#: What may hold something of a person and is read into ClickHouse.
INTO_COLUMNS: Final = (
    topics.RESOLVED,
    topics.PROFILES,
    topics.SCORES,
    *EFFECTS,
    topics.DEAD_LETTERS,
    topics.VIOLATIONS,
)

Ends = Mapping[tuple[str, int], int]


class StillReading(Exception):  # noqa: N818 - a state of the world
    """A service has not read far enough. The text says which."""


class Readers:
    """Asks Kafka and Redis how far the services are. redis.RedisError, KafkaException."""

    def __init__(self, settings: Settings, client: redis.Redis, wait_s: float) -> None:
        self._admin: Any = AdminClient(clients.kafka_config(settings))
        self._redis: Any = client
        self.wait_s = wait_s

    def profile_has_read(self) -> None:
        """All that was accepted up to now."""
        ends = self._ends([topics.ACCEPTED])
        self._until("services.profile", lambda: self._profile_is_at(ends))

    def nodes_are_erased(self, nodes: Sequence[bytes]) -> None:
        """The keys of these nodes say it (they are shorter than any other)."""
        keys = [b"n:" + node for node in nodes]
        self._until(
            "services.profile",
            lambda: all(one is not None and len(one) < 16 for one in self._redis.mget(keys)),
        )

    def has_let_in(self, erasure_id: str) -> tuple[ReadUpTo, ...]:
        """Profile has read that they are let in; how far it had read all by then."""
        self._until("services.profile", lambda: bool(read_up_to(self._redis, erasure_id, "lift")))
        return read_up_to(self._redis, erasure_id, "lift")

    def journey_has_forgotten(self, workspace: str, profiles: Sequence[UUID]) -> None:
        """Its states say so; what scoring and journey had to tell was told then."""
        keys = [state_key(workspace, one.bytes) for one in profiles]
        self._until(
            "services.scoring score and services.journey decide",
            lambda: all(
                value is not None and state_of(value[8:]).merged_into == key[-16:]
                for key, value in zip(keys, self._redis.mget(keys), strict=True)
            ),
        )

    def effects_are_queued(self) -> None:
        """deliver has written deliveries of all that journey told up to now."""
        ends = self._ends(EFFECTS)
        self._until("services.journey deliver", lambda: self._deliver_is_at(ends))

    def columns_are_filled(self) -> None:
        """All that was published up to now is in ClickHouse."""
        ends = self._ends(INTO_COLUMNS)
        self._until("services.scoring columns", lambda: self._columns_are_at(ends))

    def _until(self, service: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.wait_s
        while not holds():
            if time.monotonic() > deadline:
                raise StillReading(f"{service} has not read so far; is it running?")
            time.sleep(LOOK_AGAIN_S)

    def _ends(self, looked: Sequence[topics.Topic]) -> Ends:
        known = self._admin.list_topics(timeout=ASKED_WITHIN_S).topics
        asked = {
            TopicPartition(topic.name, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for topic in looked
            for number in known[topic.name].partitions
        }
        found = self._admin.list_offsets(asked, request_timeout=ASKED_WITHIN_S)
        return {(at.topic, at.partition): told.result().offset for at, told in found.items()}

    def _profile_is_at(self, ends: Ends) -> bool:
        places = self._redis.mget([f"p:profile:{number}" for _, number in ends])
        read = [int(place.partition(b":")[0]) if place else 0 for place in places]
        return all(at >= end for at, end in zip(read, ends.values(), strict=True))

    def _deliver_is_at(self, ends: Ends) -> bool:
        places = self._redis.mget([position(topic, number) for topic, number in ends])
        return all(int(at or 0) >= end for at, end in zip(places, ends.values(), strict=True))

    def _columns_are_at(self, ends: Ends) -> bool:
        asked = [TopicPartition(topic, number) for topic, number in ends]
        request = [ConsumerGroupTopicPartitions("scoring.columns", asked)]
        [future] = self._admin.list_consumer_group_offsets(request).values()
        return all(
            max(0, one.offset) >= ends[one.topic, one.partition]
            for one in future.result().topic_partitions
        )
