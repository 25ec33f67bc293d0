"""Keeps the HTTP side linked to Kafka: connects when it is there, says when it is away."""

from __future__ import annotations

import logging
import threading
from typing import Any

from confluent_kafka import KafkaException

from services.common import clients
from services.common.run import Stop
from services.common.settings import Settings
from services.ingest.publisher import NOT_CONNECTED, KafkaPublisher

log = logging.getLogger(__name__)

#: A record that Kafka has not acknowledged by then is answered with 503.
DELIVERY_MS_MAX = 10_000
#: Senders wait for it, each with one request at a time: 64 of them come to 6,500 requests/s with
#: 5 ms, and to 2,900 with 15. What follows the log sends more at once, and waits longer.
LINGER_MS = 5
ASKED_EVERY_S = 1.0


class Link:
    """A thread that gives the publisher its producer, and its fault while Kafka is away."""

    def __init__(self, settings: Settings, publisher: KafkaPublisher, stop: Stop) -> None:
        self._settings = settings
        self._publisher = publisher
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._where = ""
        #: Set once the topics are there; the stream starts then.
        self.connected = threading.Event()

    def start(self) -> Link:
        self._thread.start()
        return self

    def fault(self) -> str | None:
        """Why Kafka can not be used now, with its setting; None when it can."""
        return self._publisher.fault

    def _run(self) -> None:
        producer = self._connect()
        before = None
        while producer is not None and not self._stop.wait(ASKED_EVERY_S):
            fault = self._fault_of(producer)
            if fault is None or before is not None:  # one late answer is no outage
                self._say(fault)
                self._publisher.fault = fault
            before = fault

    def _say(self, fault: str | None) -> None:
        if fault and not self._publisher.fault:
            log.error("%s; answering 503 until it is back", fault)
        elif self._publisher.fault and not fault:
            log.info("Kafka is back")

    def _connect(self) -> Any:
        while not self._stop():
            # Kafka may answer and we are not ready: the topics come first
            self._publisher.fault = clients.missing(self._settings, "Kafka") or NOT_CONNECTED
            if not clients.wait_for(self._settings, "Kafka", stopped=self._stop):
                return None
            try:
                self._where = clients.address(self._settings, "Kafka")
                clients.ensure_topics(self._settings)
                made = clients.producer(
                    self._settings,
                    **{"message.timeout.ms": DELIVERY_MS_MAX, "linger.ms": LINGER_MS},
                )
            except (KafkaException, clients.EngineMissing) as error:
                log.error("%s; trying again", error)
                self._stop.wait(ASKED_EVERY_S)
                continue
            self._publisher.attach(made)
            self.connected.set()
            return made
        return None

    def _fault_of(self, producer: Any) -> str | None:
        try:
            producer.list_topics(timeout=2)
        except KafkaException as error:
            return str(clients.EngineMissing("Kafka", self._where, error))
        return None
