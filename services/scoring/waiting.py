"""Rows that wait for the next insert, and the offsets that may be committed after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from services.common.batch import Output
from services.scoring.rows import TABLES, Row

Partition = tuple[str, int]


class Line(msgspec.Struct, frozen=True, gc=False):
    """One row with the message of confluent_kafka that it was made of."""

    row: Row
    message: Any


#: A full buffer is inserted at once; a full buffer that can not be inserted pauses reading.
ROWS_MAX: Final = 100_000
BYTES_MAX: Final = 64 * 1024 * 1024


@dataclass(slots=True)
class Waiting:
    """`next_offsets`: for each partition the offset after the last message that was read.

    They may be committed when every line and every letter that waits is safe.
    """

    lines: dict[str, list[Line]] = field(default_factory=lambda: {name: [] for name in TABLES})
    letters: list[Output] = field(default_factory=list)
    next_offsets: dict[Partition, int] = field(default_factory=dict)
    rows: int = 0
    #: By table: what the values of its lines measure, so that no insert counts them again.
    bytes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))

    def read(self, place: Partition, offset: int) -> None:
        """A message was taken from the log, whatever becomes of it."""
        self.next_offsets[place] = offset + 1

    def reached(self, place: Partition, offset: int) -> None:
        """The end of a partition: what stands before it (markers, aborted messages) is nothing."""
        self.next_offsets[place] = max(offset, self.next_offsets.get(place, 0))

    def add(self, table: str, line: Line, value_bytes: int) -> None:
        self.lines[table].append(line)
        self.rows += 1
        self.bytes[table] += value_bytes

    def inserted(self, table: str) -> None:
        """The lines of one table are in ClickHouse (or refused)."""
        self.rows -= len(self.lines[table])
        self.bytes[table] = 0
        self.lines[table] = []

    def forget(self, partition: Partition) -> None:
        """The partition went to another worker, which reads again what is not committed."""
        self.next_offsets.pop(partition, None)

    def full(self) -> bool:
        return self.rows >= ROWS_MAX or sum(self.bytes.values()) >= BYTES_MAX
