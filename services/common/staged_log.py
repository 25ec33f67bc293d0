"""A log read in stages: what was read before a decision is read before it again, the rest behind.

Partitions are read side by side, so what stands in one of them comes earlier or later than what
stands in another. Where that decided on something once, the decision noted how far all partitions
were read before it and behind it (`Decision.notes`). Read again, all is taken up to there first,
then what was decided on together, at once, and only then what follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from services.common.batch import Record
from services.common.ports import Log

#: Partition -> the offset that is read next.
Offsets = Mapping[int, int]


class Ending(Log, Protocol):
    """A log that is read as far as it is told (log_up_to.LogUpTo)."""

    def read_until(self, until: Offsets) -> None: ...

    def behind(self) -> int: ...

    def begins(self) -> Offsets: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """How far all was read before a decision and behind it; a partition that is missing: not at
    all."""

    before: Offsets
    after: Offsets

    def is_reached(self, offsets: Offsets) -> bool:
        """Whether who stands there has read all that came before the decision."""
        return _has_read(offsets, self.before)

    def is_behind(self, offsets: Offsets) -> bool:
        """Whether who stands there has the decision behind them."""
        return _has_read(offsets, self.after)


def _has_read(offsets: Offsets, until: Offsets) -> bool:
    return all(offsets.get(partition, end) >= end for partition, end in until.items())


class _Noted(msgspec.Struct):
    before: dict[int, int]
    after: dict[int, int]


_noted = msgspec.json.Decoder(_Noted, strict=False).decode


def stage_of(note: bytes) -> Stage:
    """What commit.lua has noted. msgspec.DecodeError when it is none."""
    found = _noted(note)
    return Stage(_read(found.before), _read(found.after))


def _read(offsets: Mapping[int, int]) -> dict[int, int]:
    return {partition: at for partition, at in offsets.items() if at > 0}


class StagedLog:
    """`log` in stages of one history: of two, one is wholly before the other.

    Where they are not (Redis fell back, and it was decided anew), nobody waits for what does not
    come: all is read, in some order.
    """

    def __init__(self, log: Ending) -> None:
        self._log = log
        self._until: Offsets = {}
        self._limit: dict[int, int] = {}
        self._stages: list[Stage] = []
        self._at_once = False

    def read_until(self, until: Offsets, stages: Iterable[Stage] = ()) -> None:
        """The first offset of each partition that is not to be read now; never less than before.

        A stage that is not wholly within is for another time.
        """
        within = [one for one in stages if one.is_behind(until)]
        self._until = until
        self._stages = sorted(within, key=lambda one: sum(one.after.values()))

    def behind(self) -> int:
        """How many offsets are left to read, and records that wait to be taken."""
        begins, limit = self._log.begins(), self._limit
        beyond = (
            max(0, end - max(limit.get(partition, 0), begins[partition]))
            for partition, end in self._until.items()
            if partition in begins
        )
        return self._log.behind() + sum(beyond)

    def take(self, timeout_s: float) -> list[Record]:
        """As the log; what was decided on together comes whole."""
        if not self._aim():
            return self._log.take(timeout_s)
        records: list[Record] = []
        while self._log.behind():
            records += self._log.take(timeout_s)
        return records

    def has_more(self) -> bool:
        """What is decided on together stands alone."""
        return not self._at_once and self._log.has_more()

    def take_ahead(self) -> list[Record]:
        return self._log.take_ahead()

    def assigned(self) -> Mapping[int, int]:
        return self._log.assigned()

    def at_end(self) -> frozenset[int]:
        return self._log.at_end()

    def seek(self, partition: int, offset: int | None) -> int:
        return self._log.seek(partition, offset)

    def _aim(self) -> bool:
        """Once all is read to where it may be, let it be read on; whether that is taken at once."""
        while not self._log.behind() and (begins := self._log.begins()):
            self._stages = [one for one in self._stages if not one.is_behind(begins)]
            if not self._stages:
                self._at_once = False
                self._read_to(self._until)
                break
            stage = self._stages[0]
            self._at_once = stage.is_reached(begins)
            self._read_to(stage.after if self._at_once else stage.before)
        return self._at_once

    def _read_to(self, offsets: Offsets) -> None:
        known = self._limit
        self._limit = {p: max(known.get(p, 0), offsets.get(p, 0)) for p in self._until}
        self._log.read_until(self._limit)
