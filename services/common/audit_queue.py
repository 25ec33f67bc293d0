"""Acts that are noted behind what they are about: a bounded queue, and a thread that empties it.

Reads must not wait for Kafka, and none may go unrecorded. So a read is refused (NotKept: an HTTP
API answers 503) from the moment that the trail is known not to be written, or the queue is full.
A local file would take them too, but it goes with its machine and nobody sees it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from services.common.audit import Act, Audit, NotKept

log = logging.getLogger(__name__)

WAITING_MAX: Final = 10_000
NOTED_TOGETHER_MAX: Final = 1_000
AGAIN_S: Final = 0.5

_Noted = tuple[Act, datetime]


class AuditQueue:
    """An Auditor for reads. What waits here is lost when the process is killed: the acts of the
    last moments, at most `WAITING_MAX` of them. `close` waits until it is empty."""

    def __init__(
        self, audit: Audit, clock: Callable[[], datetime], waiting_max: int = WAITING_MAX
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._waiting: queue.Queue[_Noted] = queue.Queue(waiting_max)
        self._fault: str | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> AuditQueue:
        self._thread.start()
        return self

    def fault(self) -> str | None:
        """Why the trail is not written now; None when it is."""
        return self._fault

    def note(self, act: Act) -> None:
        """Takes the act and returns at once. NotKept while the trail is not written, or too
        slowly."""
        if self._fault is not None:
            raise NotKept(self._fault)
        try:
            self._waiting.put_nowait((act, self._clock()))
        except queue.Full:
            raise NotKept("too many acts wait for the audit trail") from None

    def close(self, within_s: float) -> bool:
        """Whether all that waits is written in that time; nothing is taken from now on."""
        self._closing.set()
        self._thread.join(within_s)
        left = not self._thread.is_alive() and self._waiting.empty() and self._fault is None
        if not left:
            log.error("acts that were noted may be missing from the audit trail")
        return left

    def _run(self) -> None:
        while not (self._closing.is_set() and self._waiting.empty()):
            if taken := self._taken():
                self._write(taken)

    def _taken(self) -> list[_Noted]:
        taken: list[_Noted] = []
        with suppress(queue.Empty):
            taken.append(self._waiting.get(timeout=0.1))
            while len(taken) < NOTED_TOGETHER_MAX:
                taken.append(self._waiting.get_nowait())
        return taken

    def _write(self, taken: list[_Noted]) -> None:
        """Until it is written; reads are refused from the first failure on."""
        try:
            self._audit.note_at(taken)
        except NotKept as error:
            self._settle(error)

    def _settle(self, error: NotKept) -> None:
        self._fault = str(error)
        log.error("%s; reads of personal data are refused until it is", error)
        while True:
            if self._closing.is_set():
                return
            time.sleep(AGAIN_S)
            try:
                self._audit.settle()
            except NotKept as again:
                self._fault = str(again)
            else:
                self._fault = None
                return
