"""What the atomic step needs of the world: a log, a store, a publisher. Tests bring fakes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Literal, Protocol

from services.common.batch import Batch, Decision, Due, Handler, Output, Record


class Gap(Exception):  # noqa: N818 - a state of the world that a person must look at
    """The stored position lies where the log holds nothing (any more)."""


class PublishFailed(Exception):  # noqa: N818
    """Not every output was acknowledged; the slot still holds them all."""


class LogGone(Exception):  # noqa: N818
    """The log did not answer; nothing was taken from it."""


class StoreGone(Exception):  # noqa: N818
    """The store did not answer; whether the last commit happened is not known."""


#: The world's faults: they say nothing about a record, so no record is blamed for them.
OUTAGES = (LogGone, StoreGone, PublishFailed, Gap)

#: How long the outputs may wait that a fenced worker left behind in a partition which then rests.
VERIFY_EVERY_US = 5_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a partition stands: next offset (None: never read), commits so far, unpublished slot.

    `commits` makes each commit to a partition unique even when its offset does not move.
    """

    offset: int | None
    commits: int
    slot: bytes = b""

    def text(self) -> bytes:
        """As it is stored and compared; a partition without a place is the empty text."""
        if self.commits == 0:
            return b""
        return b"%d:%d" % (-1 if self.offset is None else self.offset, self.commits)


@dataclass(frozen=True, slots=True)
class Move:
    """One partition's change of place within a commit, with its new slot."""

    partition: int
    before: Place
    after: Place


@dataclass(frozen=True, slots=True)
class Commit:
    """All that one call checks and writes."""

    moves: Sequence[Move]
    checks: Sequence[Output] = ()
    decision: Decision = field(default_factory=Decision)


#: Partition -> the next offset to read.
Positions = Mapping[int, int]

Result = Literal["done", "moved", "stale", "conflict", "large"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """done; or nothing happened, since places moved, snapshots are stale, a key changed, or it is
    more than the store takes at once."""

    result: Result
    found: Sequence[int] = ()


class Log(Protocol):
    """The input topic. `take` may change what is assigned; new partitions wait for their `seek`.

    `take_ahead`, sensible where `has_more`, fetches what the next `take` begins with; what is
    there of a partition that is sought meanwhile is forgotten.

    `assigned`: partition -> which assignment gave it. Another number than before: it was lost and
    given back in between, and waits for its `seek` again.
    """

    def take(self, timeout_s: float) -> list[Record]: ...

    def has_more(self) -> bool: ...

    def take_ahead(self) -> list[Record]: ...

    def assigned(self) -> Mapping[int, int]: ...

    def at_end(self) -> frozenset[int]: ...

    def seek(self, partition: int, offset: int | None) -> int: ...


class Store(Protocol):
    """Redis, or a fake. Every method raises StoreGone when it does not answer.

    `moved`: the partitions that stand elsewhere by now, by offset and commits.
    """

    def places(self, partitions: Collection[int]) -> dict[int, Place]: ...

    def moved(self, places: Mapping[int, Place]) -> list[int]: ...

    def due(self, partitions: Collection[int], now_us: int) -> list[Due]: ...

    def commit(self, commit: Commit) -> Outcome: ...


class Publisher(Protocol):
    """Returns only when every output is acknowledged; else raises PublishFailed.

    `membership`: what the group knows this worker as now. Under one that has passed, because of a
    rebalance, nothing is published.
    """

    def membership(self) -> object: ...

    def publish(
        self, outputs: Sequence[Output], positions: Positions, membership: object
    ) -> None: ...


class Observer:
    """Told what happened, for the metrics; this one does nothing."""

    def committed(self, batch: Batch, outputs: Sequence[Output]) -> None:
        """A batch is durable."""

    def conflicted(self) -> None:
        """A batch is decided again."""

    def published(self, outputs: Sequence[Output]) -> None:
        """Outputs are acknowledged."""

    def settled(self) -> None:
        """No slot holds anything unpublished."""

    def resent(self, outputs: Sequence[Output]) -> None:
        """Newer snapshots were published behind stale ones."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a step is made of. `relay` runs the publishing beside the next batch's loading."""

    service: str
    log: Log
    store: Store
    publisher: Publisher
    handler: Handler
    relay: Executor
    now_us: Callable[[], int]
    observer: Observer
    verify_every_us: int = VERIFY_EVERY_US
