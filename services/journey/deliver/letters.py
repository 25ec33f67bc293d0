"""Dead letters of delivery: published, and every report checked, before the queue forgets."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from schemas.base import derived_id
from schemas.dead_letter import DeadLetter, Reason
from services.common.batch import Output
from services.common.dead_letters import as_output
from services.journey.deliver.queue import Claim

SERVICE = "journey.deliver"
FLUSH_S = 10.0


class NotPublished(Exception):  # noqa: N818 - a state of the world
    """Kafka did not confirm a dead letter; it is tried again."""


class DeadLetters:
    """Publishes one at a time; `new_producer` is called again after a failure."""

    def __init__(self, new_producer: Callable[[], Any]) -> None:
        self._new_producer = new_producer
        self._producer: Any = None
        self._lock = threading.Lock()

    async def publish(self, letter: Output) -> None:
        """NotPublished when Kafka does not confirm within ten seconds."""
        await asyncio.to_thread(self._publish, letter)

    def close(self) -> None:
        with self._lock:
            self._producer = None

    def _publish(self, letter: Output) -> None:
        reports: list[KafkaError | None] = []
        with self._lock:
            try:
                if self._producer is None:
                    self._producer = self._new_producer()
                self._producer.produce(
                    letter.topic,
                    key=letter.key,
                    value=letter.value,
                    headers=letter.headers,
                    on_delivery=lambda error, _: reports.append(error),
                )
                self._producer.flush(FLUSH_S)
            except (KafkaException, BufferError) as error:
                self._producer = None
                raise NotPublished(str(error)) from error
            if reports != [None]:
                self._producer = None  # it could still send late; a copy with the same id is safe
                raise NotPublished(str(reports[0] if reports else "no report from Kafka"))


def undeliverable(endpoint: str, claim: Claim, why: str) -> Output:
    """The dead letter of a delivery that was given up. Its `original` is the webhook's body."""
    job = claim.job
    letter = DeadLetter(
        workspace=job.workspace,
        event_id=derived_id("dead", SERVICE, endpoint, claim.id),
        service=SERVICE,
        reason=Reason.UNDELIVERABLE,
        detail=f"endpoint {endpoint}, {claim.failures} attempts: {why}"[:2_000],
        message_id=claim.id,
        original=b64encode(job.body).decode(),
        topic=job.topic,
        endpoint=endpoint,
        at=datetime.now(UTC),
    )
    return as_output(letter, key=job.topic)
