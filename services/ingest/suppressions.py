"""The list of who must not get in: read to its end before anybody is let in, then followed."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import closing
from typing import Final

from confluent_kafka import KafkaException

from services.common import clients
from services.common.run import Stop
from services.common.settings import Settings
from services.common.suppression import Listed
from services.common.suppression_log import Follower, SuppressionLog, opened
from services.ingest import metrics
from services.ingest.link import Link

log = logging.getLogger(__name__)

NOT_READ: Final = "the suppression list is not read yet"
TAKE_S: Final = 0.5
#: It is asked for ever, so not too often; the start waits as long for the end.
FETCH_WAIT_MS: Final = 100
SAID_AGAIN_AFTER_S: Final = 10.0


class Suppressions:
    """A thread that alone changes the list. While the list has a fault, ingest is not ready."""

    def __init__(self, settings: Settings, listed: Listed, link: Link, stop: Stop) -> None:
        self._settings = settings
        self._listed = listed
        self._link = link
        self._stop = stop
        self._others = 0
        self._thread = threading.Thread(target=self._run, name="suppressions", daemon=True)

    def start(self) -> Suppressions:
        self._thread.start()
        return self

    def join(self, seconds: float) -> None:
        """Wait for its end, after the stop."""
        self._thread.join(seconds)

    def fault(self) -> str | None:
        """Why nobody is let in yet; None when the list is known."""
        return self._listed.fault

    def _run(self) -> None:
        try:
            source = self._opened()
            if source is not None:
                with closing(source):
                    self._follow(source)
        except Exception:
            log.exception("the suppression list can not be followed any more; ending the process")
            os._exit(1)

    def _opened(self) -> SuppressionLog | None:
        """The topic, once Kafka is there; None when stopped before."""
        while not self._stop():
            if self._link.connected.wait(0.05):
                try:
                    return opened(self._settings, FETCH_WAIT_MS)
                except (KafkaException, KeyError, clients.EngineMissing) as error:
                    log.error("%s: %s; trying again", NOT_READ, error)
                    self._stop.wait(1)
        return None

    def _follow(self, source: SuppressionLog) -> None:
        follower = Follower(source, self._listed, self._settings.salt)
        said_at = time.monotonic()
        while not self._stop():
            waiting = self._listed.fault is not None
            follower.follow(0.05 if waiting else TAKE_S)
            if self._listed.fault is None:
                self._tell(first=waiting)
            elif time.monotonic() - said_at >= SAID_AGAIN_AFTER_S:
                log.warning("%s; answering 503 until it is", self._listed.fault)
                said_at = time.monotonic()

    def _tell(self, *, first: bool) -> None:
        size, others = len(self._listed), len(self._listed.others)
        metrics.SUPPRESSIONS.set(size)
        metrics.SUPPRESSIONS_OF_OTHER_SALTS.set(others)
        if first:
            log.info("the suppression list is read: %d entries", size)
        if others > self._others:
            log.error(
                "%d entries of the suppression list were made under another RAPPORT_SALT and keep "
                "nobody out: set the salt back, or add them again (rapport suppress list says "
                "which)",
                others,
            )
        self._others = others
