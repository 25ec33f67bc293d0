"""The topic `erasures`: every erasure by its id, and what changes one."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from confluent_kafka import KafkaException
from pydantic import ValidationError

from schemas.base import derived_id, micros, to_json
from schemas.cloudevents import rfc3339_bytes, source_of
from schemas.erasure import Erasure, ErasureState, StoreReceipt
from schemas.topics import ERASURES
from services.common import clients
from services.common.batch import Output, Record, next_version
from services.common.kafka_publisher import Reports, hand_over, settle
from services.common.ports import PublishFailed
from services.common.settings import Settings
from services.common.topic_log import topic_log

PUBLISHED_WITHIN_S = 30.0


def all_erasures(settings: Settings) -> dict[UUID, Erasure]:
    """The newest of each. NotRead."""
    found: dict[UUID, Erasure] = {}
    with closing(topic_log(settings, ERASURES.name)) as source:
        for message in source.to_the_end():
            try:
                one = Erasure.model_validate_json(message.value() or b"")
            except ValidationError:
                continue
            known = found.get(one.erasure_id)
            if known is None or known.version <= one.version:
                found[one.erasure_id] = one
    return found


def of_node(erasures: Iterable[Erasure], node: bytes) -> Erasure | None:
    """The newest erasure of the person who had this node."""
    mine = [one for one in erasures if node.hex() in {each.node for each in one.identifiers}]
    return max(mine, key=lambda one: one.requested_at, default=None)


def advanced(
    erasure: Erasure, state: ErasureState, receipt: Iterable[StoreReceipt] = (), **fields: Any
) -> Erasure:
    """The erasure one step further. What is told of a place again replaces what was told, but for
    how much was found there at first: a step that is done again finds the rest."""
    now = datetime.now(UTC)
    told = {(one.store, one.place): one for one in erasure.receipt}
    for one in receipt:
        before = told.get((one.store, one.place))
        found = max(one.found, before.found if before else 0)
        told[one.store, one.place] = one.model_copy(update={"found": found})
    version = next_version(erasure.version, micros(now))
    return erasure.model_copy(
        update={
            "state": state,
            "receipt": tuple(told.values()),
            "changed_at": now,
            "version": version,
            "event_id": derived_id("erasure", erasure.erasure_id, version),
        }
        | fields
    )


def published(producer: Any, *records: Output | Record) -> None:
    """Returns when Kafka has acknowledged all. PublishFailed."""
    reports = Reports()
    try:
        for record in records:
            hand_over(producer, Sent(record), reports)
            producer.poll(0)
        producer.flush(PUBLISHED_WITHIN_S)
    except KafkaException as error:
        raise PublishFailed(str(error)) from error
    settle(reports, len(records))


class Sent:
    """An output, or a record with its own headers, as Kafka takes it."""

    def __init__(self, record: Output | Record) -> None:
        self.topic, self.key, self.value = record.topic, record.key, record.value
        self.headers = list(record.headers)


def as_output(erasure: Erasure) -> Output:
    """An erasure as it is published."""
    return Output(
        ERASURES.name,
        str(erasure.erasure_id).encode(),
        to_json(erasure),
        str(erasure.event_id).encode(),
        source_of(erasure.workspace),
        rfc3339_bytes(erasure.changed_at),
        erasure.state.encode(),
    )


def producer_of(settings: Settings) -> Any:
    """A producer whose records are given up in time."""
    return clients.producer(settings, **{"message.timeout.ms": 20_000})
