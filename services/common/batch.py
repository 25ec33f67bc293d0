"""What goes into the atomic step and what comes out: records, a batch, a decision, outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from schemas.cloudevents import HISTORIC, Header, headers

Headers = tuple[Header, ...]

#: The header of a record that is an order to the service that reads it, and how its key begins:
#: of other records no headers are read.
CONTROL_HEADER: Final = "rapport-control"
CONTROL_KEY: Final = b"rapport-control"

#: A state value in Redis is its version (8 bytes, big-endian) and then its body.
VERSION_BYTES = 8


class Record(msgspec.Struct, frozen=True, gc=False):
    """One message as it was read from the log."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Due:
    """A member of a partition's due set whose moment (µs since 1970) has come."""

    partition: int
    member: bytes
    at_us: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What is decided on at once. `taken_at_us` is the only clock a decision may look at."""

    records: Sequence[Record]
    due: Sequence[Due]
    taken_at_us: int


class Output(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One record to publish, with its CloudEvents attributes: `event_id` to `historic`; without an
    id it has no headers. A snapshot names the state it shows (`watch`) at its `version`.

    After the relay the step compares `version` with Redis; when Redis has a newer one (or the
    state is gone), it asks the handler for the newest snapshots and publishes those too.
    """

    topic: str
    key: bytes
    value: bytes
    event_id: bytes = b""
    source: bytes = b""
    time: bytes = b""
    subject: bytes = b""
    historic: bool = False
    watch: bytes | None = None
    version: int = 0

    @property
    def headers(self) -> list[Header]:
        """Made when it is published: of thousands that wait, each would hold a dozen objects."""
        if not self.event_id:
            return []
        marks = headers(
            self.topic,
            event_id=self.event_id,
            source=self.source,
            time=self.time,
            subject=self.subject,
        )
        if self.historic:
            marks.append(HISTORIC)
        return marks


#: Outputs by the input partition whose slot holds them.
ByPartition = dict[int, list[Output]]


def flat(outputs: ByPartition) -> list[Output]:
    """The outputs of all partitions."""
    return [output for part in outputs.values() for output in part]


@dataclass(slots=True)
class Decision:
    """Everything one commit checks and writes: all of it happens, or nothing.

    reads       state key -> version it had when it was loaded; 0 means it was absent and must
                still be absent (also used for plain keys such as identifier -> component)
    writes      state key -> (version, body), written as 8-byte version + body
    plain       key -> value without a version, written as it is
    deletes     keys to delete
    remembered  message-id set key -> 64-bit ids; none may be in the set already
    outputs     input partition -> what to publish
    due         (partition, member) -> moment in µs, or None to forget the member
    notes       fields under which it is noted, where they are new, how far all partitions of the
                input were read before this commit and behind it (store: `decided_key`)
    committed   called once when it is durable: a batch may be decided more often than that
    """

    reads: dict[bytes, int] = field(default_factory=dict)
    writes: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    plain: dict[bytes, bytes] = field(default_factory=dict)
    deletes: list[bytes] = field(default_factory=list)
    remembered: dict[bytes, list[int]] = field(default_factory=dict)
    outputs: ByPartition = field(default_factory=dict)
    due: dict[tuple[int, bytes], int | None] = field(default_factory=dict)
    notes: list[bytes] = field(default_factory=list)
    committed: Callable[[], None] = field(default=lambda: None)


class Undecidable(Exception):  # noqa: N818 - says what it is about
    """No decision can be made, probably because of one of these records."""

    def __init__(self, suspects: Sequence[Record]) -> None:
        super().__init__(f"no decision can be made on one of {len(suspects)} records")
        self.suspects = suspects


class Handler(Protocol):
    """What a stateful service brings to the step. It may block on Redis.

    `prepare` may do in advance what depends on the records alone. A `decide` of just these need not
    follow, and `newest` may be asked meanwhile.
    `decide` loads what the batch needs and decides. A record that cannot be understood becomes a
    dead letter in `outputs`; an exception makes the step part the batch until the poisonous
    record stands alone. Undecidable saves it most of the search.
    `newest` gives the snapshots that Redis holds now for the profiles of stale outputs.
    """

    def prepare(self, records: Sequence[Record]) -> None: ...

    def decide(self, batch: Batch) -> Decision: ...

    def newest(self, stale: Sequence[Output]) -> list[Output]: ...


def next_version(previous: int, now_us: int) -> int:
    """Hybrid logical clock: grows always, follows the clock when it can."""
    return max(previous + 1, now_us)


def pack_state(version: int, body: bytes) -> bytes:
    """A state value as Redis keeps it."""
    return version.to_bytes(VERSION_BYTES, "big") + body


def unpack_state(value: bytes) -> tuple[int, bytes]:
    """(version, body) of a state value."""
    return int.from_bytes(value[:VERSION_BYTES], "big"), value[VERSION_BYTES:]
