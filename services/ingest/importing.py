"""A file of rows → touchpoints.accepted, dead_letters; it goes on where Kafka has acknowledged.

read some rows → through the door → produce → acknowledged, in the file's order → note how far.
At least once, with the same ids: what is sent twice is dropped as a duplicate downstream.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from services.common.batch import Output
from services.common.failpoints import hit
from services.common.kafka_publisher import hand_over
from services.ingest.domain.mapped import Mapper
from services.ingest.door import Door
from services.ingest.letters import Verdict, outputs_of
from services.ingest.row_files import RowFile
from services.ingest.rows import judged
from services.ingest.tally import Progress, ProgressFile, Tally

#: Rows that were sent and are not acknowledged: bounds the memory and what a kill sends again.
OPEN_ROWS_MAX: Final = 20_000
NOTED_EVERY_S: Final = 1.0

#: Is told of progress: (share of the file that was read, what became of the rows so far).
Watch = Callable[[float, Tally], None]


class KafkaRefused(Exception):  # noqa: N818 - a state of the world, not our error
    """Kafka did not take a record in time; what it took before is noted."""


@dataclass(slots=True)
class _Sent:
    """Rows on their way to Kafka."""

    last_row: int
    tally: Tally
    open: int
    error: object = None

    def delivered(self, error: object, _message: object) -> None:
        self.open -= 1
        if error is not None:
            self.error = error


@dataclass(frozen=True, slots=True)
class Judge:
    """Says what becomes of rows: by one mapping, through one door. `before`: what is done first,
    such as looking who must not get in since."""

    mapper: Mapper
    door: Door
    file: str
    before: Callable[[], None] = lambda: None

    def verdicts(self, rows: Sequence[Any], at: datetime) -> list[Verdict]:
        self.before()
        return judged(rows, self.mapper, self.door, at, self.file)


@dataclass(slots=True)
class Import:
    """One run of an import. `run` returns when Kafka has acknowledged every row."""

    judge: Judge
    producer: Any
    kept: ProgressFile
    progress: Progress
    watch: Watch
    _sent: deque[_Sent] = field(default_factory=deque)
    _noted_at: float = 0.0

    def run(self, rows: RowFile) -> Progress:
        """From the row behind the last acknowledged one. KafkaRefused when Kafka is away."""
        self.kept.write(self.progress)
        at = self.progress.moment
        try:
            for batch in rows.batches(self.progress.last_row):
                hit("after_read")
                verdicts = self.judge.verdicts(batch, at)
                tally = Tally.of(verdicts, len(batch))
                self._send(outputs_of(verdicts), batch[-1].number, tally)
                hit("middle_of_produce")
                self._settle(OPEN_ROWS_MAX)
                self.watch(rows.share_read(), self.progress.tally)
            self._settle(0)
            self.progress = replace(self.progress, done=True)
        finally:
            self.kept.write(self.progress)
        return self.progress

    def _send(self, outputs: Sequence[Output], last_row: int, tally: Tally) -> None:
        sent = _Sent(last_row, tally, len(outputs))
        self._sent.append(sent)
        for output in outputs:
            hand_over(self.producer, output, sent.delivered)
        self.producer.poll(0)

    def _settle(self, open_max: int) -> None:
        """Note what is acknowledged, oldest first, until so few are open."""
        while True:
            while self._sent and self._sent[0].open == 0:
                self._note(self._sent.popleft())
            if sum(one.open for one in self._sent) <= open_max:
                return
            self.producer.poll(0.1)

    def _note(self, sent: _Sent) -> None:
        if sent.error is not None:
            raise KafkaRefused(f"Kafka did not take it: {sent.error}")
        self.progress = self.progress.advanced(sent.last_row, sent.tally)
        if time.monotonic() - self._noted_at >= NOTED_EVERY_S:
            hit("before_next_commit")
            self.kept.write(self.progress)
            self._noted_at = time.monotonic()
