"""Rows that wait for the next insert, and the offsets that may be committed after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from services.common.batch import Output, Record
from services.scoring.rows import TABLES, Row

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One row with the record that it was made of."""

    row: Row
    record: Record


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
    bytes: int = 0

    def read(self, record: Record) -> None:
        """A message was taken from the log, whatever becomes of it."""
        self.next_offsets[record.topic, record.partition] = record.offset + 1

    def reached(self, place: Partition, offset: int) -> None:
        """The end of a partition: what stands before it (markers, aborted messages) is nothing."""
        self.next_offsets[place] = max(offset, self.next_offsets.get(place, 0))

    def add(self, table: str, line: Line) -> None:
        self.lines[table].append(line)
        self.rows += 1
        self.bytes += len(line.record.value)

    def inserted(self, table: str) -> None:
        """The lines of one table are in ClickHouse (or refused)."""
        self.rows -= len(self.lines[table])
        self.bytes -= sum(len(line.record.value) for line in self.lines[table])
        self.lines[table] = []

    def forget(self, partition: Partition) -> None:
        """The partition went to another worker, which reads again what is not committed."""
        self.next_offsets.pop(partition, None)

    def full(self) -> bool:
        return self.rows >= ROWS_MAX or self.bytes >= BYTES_MAX
