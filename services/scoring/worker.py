"""Takes snapshots, publishes their scores, then commits: nothing is lost, a crash recomputes.

The metadata of each committed offset names the models and thresholds that the scores before it
were made with. Whoever gets a partition under another name reads it again from the beginning, so
a new model reaches everybody, whatever crashes. One partition is read in its order, and a zombie's
late transaction is fenced, so that the last score of each profile on the topic belongs to its
newest snapshot.

A worker that is behind takes several micro-batches at once, since only the newest snapshot of
each profile among them needs scores: reading everybody again costs little more than reading.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from schemas import topics
from services.common.batch import Output
from services.common.clients import unless_lost
from services.common.failpoints import hit
from services.common.gather import Gather
from services.common.ports import Publisher, PublishFailed
from services.common.relay import answer_of
from services.scoring import metrics
from services.scoring.decide import Message, decide
from services.scoring.models import Models

log = logging.getLogger(__name__)

TOPIC: Final = topics.PROFILES.name
POLLED_WITHIN_S: Final = 0.05
#: Micro-batches taken at once by a worker that is behind.
TAKEN_BATCHES_MAX: Final = 8
TAKEN_BYTES_MAX: Final = 32_000_000


@dataclass(frozen=True, slots=True)
class Clients:
    """What a worker works with. `relay` publishes one batch while the next is computed."""

    consumer: Any
    models: Models
    publisher: Publisher
    relay: Executor


@dataclass(frozen=True, slots=True)
class Relaying:
    """A batch on its way: where its partitions go on, and what its scores stand on."""

    done: Future[None]
    next_offsets: dict[int, int]
    fingerprint: str
    snapshots: int
    first_changed: bytes | None
    outputs: Sequence[Output]


class Worker:
    """Call `step` for ever from one thread; PublishFailed means: `rewind` when Kafka is back."""

    def __init__(self, clients: Clients, batch_max: int) -> None:
        self._clients = clients
        self._consumer = clients.consumer
        self._batch_max = batch_max
        self._taken_max = batch_max
        self._taken: list[Message] = []
        self._taken_bytes = 0
        self._gather = Gather()
        self._safe: dict[int, int] = {}  # partition -> offset after which nothing is published
        self._relaying: Relaying | None = None
        self._new_model = False
        self._failed: PublishFailed | None = None
        self._consumer.subscribe(
            [TOPIC], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def step(self) -> int:
        """Score what there is; how many snapshots that were."""
        self._new_model |= self._clients.models.follow()
        messages = self._take()
        if self._failed is not None:
            raise self._failed
        if self._new_model:
            self._begin_again()  # what was taken will be read again
            return 0
        if not messages:
            self.settle()
            return 0
        hit("after_read")
        outputs = decide(messages, self._clients.models.ground(), time.time_ns() // 1_000)
        self.settle()
        self._relay(messages, outputs)
        return len(messages)

    def settle(self) -> None:
        """Wait for the batch on its way, then commit its offsets. PublishFailed if it failed."""
        relaying, self._relaying = self._relaying, None
        if relaying is None:
            return
        answer_of(relaying.done)
        self._taken_max = min(2 * self._taken_max, TAKEN_BATCHES_MAX * self._batch_max)
        _count(relaying)
        kept = {p: at for p, at in relaying.next_offsets.items() if p in self._safe}
        self._safe |= kept
        hit("before_commit")
        self._commit(kept, relaying.fingerprint)
        hit("after_commit")

    def rewind(self) -> None:
        """Read on from what is surely published, in small bites: Kafka may have choked on one."""
        self._relaying = self._failed = None
        self._taken_max = self._batch_max
        self._start(dict(self._safe))

    def pause(self) -> None:
        """Keep the membership while Kafka is away; what arrives is read again after `rewind`."""
        try:
            self._consumer.pause([TopicPartition(TOPIC, partition) for partition in self._safe])
            self._consumer.consume(1, POLLED_WITHIN_S)
        except KafkaException as error:
            log.info("could not pause: %s", error)

    def lag(self) -> dict[int, int]:
        """Records that wait, by partition, as far as the consumer knows."""
        behind = {}
        for partition, offset in self._safe.items():
            place = TopicPartition(TOPIC, partition)
            high = self._consumer.get_watermark_offsets(place, cached=True)[1]
            behind[partition] = max(0, high - max(0, offset))
        return behind

    def close(self) -> None:
        self._consumer.close()
        self._clients.models.close()

    # -- the way of a batch ------------------------------------------------------------------

    def _take(self) -> list[Message]:
        """What waits, in the order of each partition; one micro-batch unless more are waiting."""
        self._taken, self._taken_bytes = [], 0
        got = self._consume(self._gather.wait_s())
        while got == self._batch_max and self._has_room():
            got = self._consume(0)
        taken, self._taken = self._taken, []
        self._gather.taken(len(taken))
        return taken

    def _consume(self, timeout_s: float) -> int:
        """Take a micro-batch more; how much came. A rebalance within drops what was taken."""
        got = self._consumer.consume(self._batch_max, timeout_s)
        for message in got:
            if message.error() is not None:
                log.warning("Kafka (RAPPORT_KAFKA): %s", unless_lost(message.error()))
            elif message.partition() in self._safe:
                self._taken.append(message)
                self._taken_bytes += len(message.value() or b"")
        return len(got)

    def _has_room(self) -> bool:
        return len(self._taken) < self._taken_max and self._taken_bytes < TAKEN_BYTES_MAX

    def _relay(self, messages: Sequence[Message], outputs: Sequence[Output]) -> None:
        next_offsets = {message.partition(): message.offset() + 1 for message in messages}
        hit("before_produce")
        publisher = self._clients.publisher
        # of now: when the relay gets to it, a rebalance may have taken partitions from us
        membership = publisher.membership()
        self._relaying = Relaying(
            done=self._clients.relay.submit(publisher.publish, outputs, next_offsets, membership),
            next_offsets=next_offsets,
            fingerprint=self._clients.models.fingerprint(),
            snapshots=len(messages),
            first_changed=dict(messages[0].headers() or ()).get("ce_time"),
            outputs=outputs,
        )

    def _commit(self, offsets: dict[int, int], fingerprint: str) -> None:
        places = [
            TopicPartition(TOPIC, partition, offset, metadata=fingerprint)
            for partition, offset in offsets.items()
        ]
        try:
            if places:
                self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as error:
            log.warning("offsets are not committed yet: %s", error)

    # -- where to start ----------------------------------------------------------------------

    def _begin_again(self) -> None:
        """A new model: everybody is scored again, from the compacted topic's beginning."""
        self.settle()
        self._new_model = False
        self._start(dict.fromkeys(self._safe, OFFSET_BEGINNING))

    def _start(self, offsets: dict[int, int]) -> None:
        if not offsets:
            return
        places = [TopicPartition(TOPIC, partition) for partition in offsets]
        self._consumer.incremental_unassign(places)
        self._consumer.incremental_assign(
            [TopicPartition(TOPIC, partition, offset) for partition, offset in offsets.items()]
        )
        self._consumer.resume(places)
        self._safe |= offsets

    def _assigned(self, consumer: Any, partitions: Sequence[TopicPartition]) -> None:
        self._new_model |= self._clients.models.catch_up()
        fingerprint = self._clients.models.fingerprint()
        starts = {}
        for place in consumer.committed(list(partitions), timeout=30):
            goes_on = place.offset >= 0 and place.metadata == fingerprint
            starts[place.partition] = place.offset if goes_on else OFFSET_BEGINNING
        consumer.incremental_assign([TopicPartition(TOPIC, p, at) for p, at in starts.items()])
        self._safe |= starts

    def _revoked(self, consumer: Any, partitions: Sequence[TopicPartition]) -> None:
        """Hand over what is done, so that the next owner does not do it again."""
        try:
            self.settle()
        except PublishFailed as error:
            log.warning("handed over before all scores were published: %s", error)
            self._failed = error  # what was left of that batch must be read again
        self._lost(consumer, partitions)

    def _lost(self, consumer: Any, partitions: Sequence[TopicPartition]) -> None:
        for place in partitions:
            self._safe.pop(place.partition, None)
        # its next owner goes further: what is left of it here must not be published after that
        self._taken = [one for one in self._taken if one.partition() in self._safe]
        consumer.incremental_unassign(list(partitions))


def _count(relayed: Relaying) -> None:
    """What became of a batch; its age is that of its first snapshot."""
    metrics.SCORE_SNAPSHOTS.inc(relayed.snapshots)
    metrics.SCORE_BATCHES.inc()
    refused = [output for output in relayed.outputs if output.topic == topics.DEAD_LETTERS.name]
    metrics.SCORE_PUBLISHED.inc(len(relayed.outputs) - len(refused))
    for output in refused:
        reason = output.subject.decode()
        metrics.SCORE_DEAD_LETTERS.labels(reason).inc()
    with contextlib.suppress(ValueError):
        if relayed.first_changed is not None:
            changed = datetime.fromisoformat(relayed.first_changed.decode())
            metrics.SCORE_SECONDS.observe(max(0.0, time.time() - changed.timestamp()))
