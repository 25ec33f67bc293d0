"""Publishing to Kafka: nothing counts as published before Kafka has acknowledged all of it.

Outside a transaction every delivery report is checked. Inside one the commit does that: librdkafka
waits for all records, and lets no transaction commit of which one was not delivered. Reading a
report for each record in Python took a tenth of the publishing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from schemas.cloudevents import Header
from services.common.batch import Output
from services.common.failpoints import hit
from services.common.ports import Positions, PublishFailed

log_to = logging.getLogger(__name__)

FLUSH_S_MAX = 9
TRANSACTION_S_MAX = 10
#: librdkafka repeats this while the group rebalances, and the group waits for the thread that
#: waits for us: give up soon, so that it polls.
SEND_OFFSETS_S_MAX = 3


class Reports:
    """Counts the delivery reports of one publishing."""

    def __init__(self) -> None:
        self.delivered = 0
        self.fault: object = None

    def __call__(self, error: object, _message: object) -> None:
        if error is None:
            self.delivered += 1
        else:
            self.fault = error


class PlainPublisher:
    """Publishes without transactions: Faust stalls on topics that hold transaction markers."""

    def __init__(self, make_producer: Callable[[], Any]) -> None:
        self._make_producer = make_producer
        self._producer = make_producer()

    def membership(self) -> None:
        """Nobody is fenced here."""

    def publish(self, outputs: Sequence[Output], positions: Positions, membership: object) -> None:
        """Send and wait for every report. Positions and membership are of no use here."""
        reports = Reports()
        try:
            send(self._producer, outputs, reports)
            self._producer.flush(FLUSH_S_MAX)
            settle(reports, len(outputs))
        except (KafkaException, BufferError, PublishFailed) as error:
            # what is still queued must not land after the next attempt's records
            self._producer.purge()
            self._producer = self._make_producer()
            raise PublishFailed(f"Kafka (RAPPORT_KAFKA): {error}") from error


class FencedPublisher:
    """Publishes in a transaction that carries the group's offsets, so that a zombie is fenced.

    No effect rests on the transaction (librdkafka lacks KIP-890); slots and ids suffice.
    """

    def __init__(self, make_producer: Callable[..., Any], consumer: Any, topic: str) -> None:
        self._make_producer = make_producer
        self._consumer = consumer
        self._topic = topic
        self._producer: Any = None
        self._cut_off = False

    def membership(self) -> object:
        """The group's generation and this member; to be taken between two polls."""
        return self._consumer.consumer_group_metadata()

    def publish(self, outputs: Sequence[Output], positions: Positions, membership: object) -> None:
        """Send, carry the offsets, commit; after any fault a new producer starts afresh.

        The group must still be as it was when `membership` was taken: with that of now, a worker
        that has lost a partition while it was publishing would be let through.

        The producer is taken out meanwhile: a call that hangs never shares it with the next one,
        whose init_transactions fences it.
        """
        producer, self._producer = self._still_linked(), None
        try:
            producer = producer or self._begun()
            self._in_transaction(producer, outputs, positions, membership)
        except (KafkaException, BufferError, PublishFailed) as error:
            _throw_away(producer)
            raise PublishFailed(f"Kafka (RAPPORT_KAFKA): {error}") from error
        self._producer = producer

    def _still_linked(self) -> Any:
        """The producer, unless its broker went away while it had nothing to do.

        Its next transaction would wait for an answer that never comes, until the relay gives up.
        """
        if self._producer is not None:
            self._producer.poll(0)  # hands over the errors that came meanwhile
        return None if self._cut_off else self._producer

    def _begun(self) -> Any:
        self._cut_off = False
        producer = self._make_producer(error_cb=self._on_error)
        producer.init_transactions(TRANSACTION_S_MAX)
        return producer

    def _on_error(self, error: KafkaError) -> None:
        if error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            self._cut_off = True

    def _in_transaction(
        self,
        producer: Any,
        outputs: Sequence[Output],
        positions: Positions,
        membership: object,
    ) -> None:
        producer.begin_transaction()
        send(producer, outputs)
        if positions:
            places = [TopicPartition(self._topic, p, offset) for p, offset in positions.items()]
            producer.send_offsets_to_transaction(places, membership, SEND_OFFSETS_S_MAX)
        producer.commit_transaction(TRANSACTION_S_MAX)


def _throw_away(producer: Any) -> None:
    if producer is None:
        return
    try:
        producer.abort_transaction(3)
    except KafkaException as error:
        log_to.info("the transaction could not be aborted either: %s", error)
    producer.purge()


def send(producer: Any, outputs: Sequence[Output], reports: Reports | None = None) -> None:
    """Hand all outputs to the producer; its queue is larger than a batch's outputs."""
    middle = len(outputs) // 2
    for index, output in enumerate(outputs):
        if index == middle:
            hit("middle_of_produce")
        hand_over(producer, output, reports)
        if not index % 500:
            producer.poll(0)


class Sendable(Protocol):
    """What a record is made of, to Kafka."""

    @property
    def topic(self) -> str: ...
    @property
    def value(self) -> bytes: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def headers(self) -> list[Header]: ...


def hand_over(producer: Any, record: Sendable, delivered: Any) -> None:
    """Give one record to the producer; a full queue is waited for."""
    while True:
        try:
            producer.produce(
                record.topic,
                record.value,
                record.key,
                headers=record.headers,
                on_delivery=delivered,
            )
        except BufferError:
            producer.poll(0.1)
        else:
            return


def settle(reports: Reports, expected: int) -> None:
    """PublishFailed unless every output was acknowledged."""
    if reports.fault is not None or reports.delivered != expected:
        missing = expected - reports.delivered
        raise PublishFailed(f"{missing} of {expected} outputs not acknowledged: {reports.fault}")
