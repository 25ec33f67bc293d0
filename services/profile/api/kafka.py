"""The API's link to Kafka: requests into touchpoints.inbound, and acts into the audit trail.

Reads of what is masked need none of it. While Kafka is away, merges and reads of personal data are
refused: the former could be lost, the latter could not be put on record.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from confluent_kafka import KafkaException

from schemas.topics import INBOUND
from services.common import clients
from services.common.audit import Act, NotKept
from services.common.audit_log import opened
from services.common.audit_queue import AuditQueue
from services.common.settings import Settings
from services.profile.api.answers import unavailable

log = logging.getLogger(__name__)

SERVICE: Final = "profile-api"
DELIVERY_MS_MAX: Final = 10_000
POLL_S: Final = 0.05
AGAIN_S: Final = 1.0
CLOSED_WITHIN_S: Final = 5.0
NOT_LINKED: Final = "the audit trail is not open yet (RAPPORT_KAFKA)"


class KafkaLink:
    """A thread that connects when Kafka is there, and serves delivery reports from then on."""

    def __init__(self, settings: Settings, stopped: Callable[[], bool]) -> None:
        self._settings = settings
        self._stopped = stopped
        self._producer: Any = None
        self._audit: AuditQueue | None = None
        self._thread = threading.Thread(target=self._run, name="kafka", daemon=True)

    def start(self) -> KafkaLink:
        self._thread.start()
        return self

    def close(self) -> None:
        """What is under way comes to its end, within a few seconds."""
        self._thread.join(CLOSED_WITHIN_S)
        if self._producer is not None:
            self._producer.flush(CLOSED_WITHIN_S)
        if self._audit is not None:
            self._audit.close(CLOSED_WITHIN_S)

    def fault(self) -> str | None:
        """Why the process has not begun to work: it was never linked yet. Later outages of Kafka
        leave most reads as they are, so that they take no process out of service."""
        return None if self._audit is not None else NOT_LINKED

    def note(self, act: Act) -> None:
        """As AuditQueue.note. NotKept while the trail can not be written."""
        if self._audit is None:
            raise NotKept(NOT_LINKED)
        self._audit.note(act)

    async def send(self, value: bytes, workspace: str) -> None:
        """Returns when Kafka has the call. Refused (503) when it does not take it."""
        if self._producer is None:
            raise unavailable("Kafka")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()

        def told(fault: object) -> None:
            loop.call_soon_threadsafe(_settle, done, fault)

        headers = [("workspace", workspace.encode())]
        try:
            self._producer.produce(
                INBOUND.name, value, headers=headers, on_delivery=lambda fault, _: told(fault)
            )
        except (BufferError, KafkaException):
            raise unavailable("Kafka") from None
        if await done is not None:
            raise unavailable("Kafka")

    def _run(self) -> None:
        while not self._stopped():
            if not clients.wait_for(self._settings, "Kafka", stopped=self._stopped):
                return
            try:
                clients.ensure_topics(self._settings)
                audit = opened(self._settings, SERVICE)
                limit = {"message.timeout.ms": DELIVERY_MS_MAX}
                self._producer = clients.producer(self._settings, **limit)
            except (KafkaException, clients.EngineMissing, NotKept) as error:
                log.error("%s; trying again", error)
                threading.Event().wait(AGAIN_S)
                continue
            self._audit = AuditQueue(audit, lambda: datetime.now(UTC)).start()
            self._serve_reports()

    def _serve_reports(self) -> None:
        while not self._stopped():
            self._producer.poll(POLL_S)


def _settle(done: asyncio.Future[object], fault: object) -> None:
    if not done.done():
        done.set_result(fault)
