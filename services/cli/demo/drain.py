"""How much is still on its way: the distance of every reader from the end of what it reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import redis
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from schemas import topics
from services.common import clients
from services.common.settings import Settings
from services.common.workspace_files import load_workspaces

#: Readers whose positions are in Redis (p: place, o: slot): service -> topic it reads.
STEPS: Final[dict[str, str]] = {
    "profile": topics.ACCEPTED.name,
    "profile.accounts": topics.PROFILES.name,
    "journey.decide": topics.SCORES.name,
}
#: Readers that commit to Kafka: group -> topics it reads.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "ingest": (topics.INBOUND.name,),
    "scoring.score": (topics.PROFILES.name,),
    "scoring.columns": (
        topics.RESOLVED.name,
        topics.PROFILES.name,
        topics.ACCOUNTS.name,
        topics.SCORES.name,
        topics.MODELS.name,
        topics.LIFECYCLE.name,
        topics.ALERTS.name,
        topics.ACTIONS.name,
        topics.DEAD_LETTERS.name,
    ),
}
#: Read by deliver: its positions are in Redis (d:pos:), and what it has yet to send (d:due:).
DELIVERED: Final = (topics.LIFECYCLE.name, topics.ALERTS.name, topics.ACTIONS.name)
#: Written in transactions: behind the last message stands a marker that no reader ever commits, and
#: maybe the records of a transaction that was aborted.
MARKED: Final = frozenset(
    {topics.RESOLVED.name, topics.PROFILES.name, topics.ACCOUNTS.name, topics.SCORES.name}
)
#: So much of them is looked through for a message.
TAIL_MAX: Final = 1_000
LOOK_AGAIN_AFTER_S = 0.5
LOOKS_ALIKE = 3
ASKED_MAX = 10
READ_AT_ONCE: Final = 5_000
STUCK_S = 90.0

Place = tuple[str, int]


class StuckError(RuntimeError):
    """Something stays on its way; the text says where."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """`waiting`: records before each reader; `ends`: how long each topic is."""

    waiting: Mapping[str, int]
    ends: Mapping[str, int]

    @property
    def is_empty(self) -> bool:
        return not any(self.waiting.values())


class Drain:
    """Looks at all readers at once; made once for a run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AdminClient(clients.kafka_config(settings) | {"log_level": 0})
        #: (place, offset, end) of what lies behind a reader -> whether there is a message in it;
        #: None: seen once, and it may be on the move.
        self._tails: dict[tuple[Place, int, int], bool | None] = {}
        self._redis: redis.Redis = clients.redis_client(settings)
        self._partitions = range(settings.partitions)
        self._queues = [
            f"d:due:{workspace.name}/{endpoint.name}"
            for workspace in load_workspaces(settings.workspace).values()
            for endpoint in workspace.endpoints
        ]

    def ends(self) -> dict[Place, int]:
        """End offset of every partition of every topic."""
        asked = {
            TopicPartition(topic.name, partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for topic in topics.TOPICS
            for partition in self._partitions
        }
        found = self._admin.list_offsets(asked, request_timeout=10)
        return {
            (place.topic, place.partition): future.result().offset
            for place, future in found.items()
        }

    def backlog(self) -> Backlog:
        """What waits before each reader now. A broker that is busy is asked again."""
        for _ in range(ASKED_MAX):
            try:
                return self._looked()
            except KafkaException:
                time.sleep(LOOK_AGAIN_AFTER_S)
        return self._looked()

    def done_by(self, service: str) -> int:
        """Records that a step has committed; asks only Redis."""
        keys = [f"p:{service}:{number}" for number in self._partitions]
        places: list[Any] = self._redis.mget(keys)
        return sum(max(0, int(place.partition(b":")[0])) for place in places if place)

    def _looked(self) -> Backlog:
        ends = self.ends()
        waiting = {name: self._before_step(name, topic, ends) for name, topic in STEPS.items()}
        waiting |= {group: self._before_group(group, ends) for group in GROUPS}
        waiting["journey.deliver"] = self._before_deliver(ends)
        lengths = {topic.name: self._length(topic.name, ends) for topic in topics.TOPICS}
        return Backlog(waiting, lengths)

    def _length(self, topic: str, ends: Mapping[Place, int]) -> int:
        return sum(ends[topic, partition] for partition in self._partitions)

    def _before_step(self, service: str, topic: str, ends: Mapping[Place, int]) -> int:
        """Records not committed yet, and one for each slot that is not published yet."""
        asked = self._redis.pipeline(transaction=False)
        for partition in self._partitions:
            asked.get(f"p:{service}:{partition}")
            asked.strlen(f"o:{service}:{partition}")
        answers = asked.execute()
        waiting = 0
        for partition, place, slot_bytes in zip(
            self._partitions, answers[::2], answers[1::2], strict=True
        ):
            offset = int(place.partition(b":")[0]) if place else 0
            place_read = topic, partition
            waiting += self._behind(place_read, offset, ends[place_read]) + bool(slot_bytes)
        return waiting

    def _before_deliver(self, ends: Mapping[Place, int]) -> int:
        """Records whose deliveries are not written yet, and deliveries that are not made yet."""
        places = [(topic, partition) for topic in DELIVERED for partition in self._partitions]
        positions = self._redis.mget([f"d:pos:{topic}:{number}" for topic, number in places])
        unread = sum(
            max(0, ends[place] - int(position or 0))
            for place, position in zip(places, positions, strict=True)
        )
        return unread + sum(int(self._redis.zcard(queue)) for queue in self._queues)

    def _before_group(self, group: str, ends: Mapping[Place, int]) -> int:
        asked = [
            TopicPartition(topic, partition)
            for topic in GROUPS[group]
            for partition in self._partitions
        ]
        request = [ConsumerGroupTopicPartitions(group, asked)]
        future = self._admin.list_consumer_group_offsets(request)[group]
        committed = future.result().topic_partitions
        return sum(
            self._behind((one.topic, one.partition), one.offset, ends[one.topic, one.partition])
            for one in committed
        )

    def _behind(self, place: Place, offset: int, end: int) -> int:
        """Records between a reader's offset and the end. A negative offset: nothing is read yet."""
        start = max(0, offset)
        behind = max(0, end - start)
        if place[0] not in MARKED or not 0 < behind <= TAIL_MAX:
            return behind
        if behind == 1:
            return 0  # a message would have its marker behind it
        tail = place, start, end
        if tail not in self._tails:
            self._tails[tail] = None
        elif self._tails[tail] is None:
            self._tails[tail] = self._has_message(place, start)
        return 0 if self._tails[tail] is False else behind

    def _has_message(self, place: Place, offset: int) -> bool:
        """Whether a reader of committed messages finds one from there on."""
        with closing(values_from(self._settings, {place: offset})) as values:
            return next(values, None) is not None


def values_from(settings: Settings, starts: Mapping[Place, int]) -> Generator[bytes, None, None]:
    """Every committed message from these offsets to the end; the group commits nothing.

    KafkaException when a partition can not be read.
    """
    reader = clients.consumer(settings, "demo.reader", **{"enable.partition.eof": True})
    reader.assign([TopicPartition(*place, offset) for place, offset in starts.items()])
    open_places = set(starts)
    try:
        while open_places:
            for message in reader.consume(READ_AT_ONCE, timeout=0.2):
                if (error := message.error()) is None:
                    yield message.value()
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_places.discard((message.topic(), message.partition()))
                else:
                    raise KafkaException(error)
    finally:
        reader.close()


def wait_until_empty(
    look: Callable[[], Backlog],
    seen: Callable[[Backlog], None],
    *,
    why_broken: Callable[[], str | None] = lambda: None,
) -> None:
    """Until nothing waits anywhere and no topic grows, a few looks in a row.

    StuckError when nothing at all moves for long; its text is by `seen` of the last look.
    """
    alike: Sequence[Backlog] = ()
    moved_at = time.monotonic()
    while True:
        now = look()
        seen(now)
        if alike and now != alike[-1]:
            alike, moved_at = (), time.monotonic()
        alike = (*alike, now)
        if now.is_empty and len(alike) >= LOOKS_ALIKE:
            return
        if broken := why_broken():
            raise StuckError(broken)
        if time.monotonic() - moved_at > STUCK_S:
            waiting = {name: count for name, count in now.waiting.items() if count}
            raise StuckError(f"nothing moved for {STUCK_S:.0f} s; still waiting: {waiting}")
        time.sleep(LOOK_AGAIN_AFTER_S)
