"""The topic `audit`, read: where new chains begin, what it says, and whether it was changed."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple
from uuid import uuid4

from pydantic import ValidationError

from schemas.audit import AuditRecord, ChainEnd
from schemas.topics import AUDIT
from services.common import clients
from services.common.audit import Audit, Chain, NotKept, digest
from services.common.settings import Settings
from services.common.topic_log import NotRead, topic_log

#: Records at the end of each partition that a new writer looks at for ends of chains.
LOOKED_BACK: Final = 500


def opened(settings: Settings, service: str) -> Audit:
    """A new chain on the topic, that names the ends of those before it. NotKept without Kafka."""
    try:
        found = records(settings, LOOKED_BACK)
        follows = ends(one.record for one in found if one.record is not None)
    except NotRead as error:
        raise NotKept(f"the audit trail can not be written: {error}") from error
    place = settings.instance or f"{socket.gethostname()}:{os.getpid()}"
    chain = Chain(f"{service}@{place}#{uuid4().hex[:12]}"[:200], follows)
    make = partial(clients.producer, settings, **{"message.timeout.ms": 15_000, "linger.ms": 0})
    return Audit(make, chain, lambda: datetime.now(UTC))


def who_is_here() -> str:
    """The name of the one who is logged in."""
    try:
        return getpass.getuser()[:200] or "unknown"
    except (OSError, KeyError, ImportError):
        return "unknown"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record stands."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{AUDIT.name}[{self.partition}]@{self.offset}"


class Read(NamedTuple):
    """A record as it stands in the topic; None: it can not be read. `intact`: its hash fits."""

    place: Place
    record: AuditRecord | None
    intact: bool


def records(settings: Settings, last: int | None = None) -> Iterator[Read]:
    """All records, or the last ones of each partition, in the order of theirs. NotRead."""
    with closing(topic_log(settings, AUDIT.name, last)) as source:
        for message in source.to_the_end():
            yield read(Place(message.partition(), message.offset()), message.value() or b"")


def read(place: Place, value: bytes) -> Read:
    """A message's value as the record that it is, or is not."""
    try:
        record = AuditRecord.model_validate_json(value)
    except ValidationError:
        return Read(place, None, intact=False)
    return Read(place, record, digest(value) == record.hash)


def ends(found: Iterable[AuditRecord]) -> tuple[ChainEnd, ...]:
    """The last record of each chain, oldest first, but for those that a later chain has named."""
    last: dict[str, AuditRecord] = {}
    named: set[tuple[str, int]] = set()
    for record in found:
        known = last.get(record.writer)
        if known is None or record.sequence > known.sequence:
            last[record.writer] = record
        named |= {(one.writer, one.sequence) for one in record.follows}
    return tuple(
        ChainEnd(writer=one.writer, sequence=one.sequence, hash=one.hash)
        for one in sorted(last.values(), key=lambda one: one.at)
        if (one.writer, one.sequence) not in named
    )


@dataclass(slots=True)
class Verdict:
    """What the trail shows. `expired`: records that chains miss at their beginning, in a partition
    whose oldest records retention has taken; they can not be told from removed ones."""

    records: int = 0
    chains: int = 0
    expired: int = 0
    faults: list[str] = field(default_factory=list)
    ends: tuple[ChainEnd, ...] = ()


def verify(found: Iterable[Read]) -> Verdict:
    """Whether every record is as it was written, and none is missing, added or moved."""
    verdict, chains = Verdict(), dict[str, list[Read]]()
    starts: dict[int, int] = {}
    for one in found:
        place, record, intact = one
        starts.setdefault(place.partition, place.offset)
        verdict.records += 1
        if record is None:
            verdict.faults.append(f"{place} can not be read")
            continue
        if not intact:
            verdict.faults.append(f"{place}: {_name(record)} was changed")
        chains.setdefault(record.writer, []).append(one)
    known: dict[tuple[str, int], str] = {}
    for chain in chains.values():
        known |= _verify_chain(chain, starts, verdict)
    cut = any(starts.values())
    for chain in chains.values():
        _verify_follows(chain[0], known, verdict, cut=cut)
    verdict.chains = len(chains)
    verdict.ends = ends(one.record for c in chains.values() for one in c if one.record is not None)
    return verdict


def _verify_chain(
    chain: list[Read], starts: Mapping[int, int], verdict: Verdict
) -> dict[tuple[str, int], str]:
    """The hash of each record by writer and sequence. A record may stand twice: it was sent again
    where Kafka did not say that it had it."""
    chain.sort(key=lambda one: (_record(one).sequence, one.place))
    before: AuditRecord | None = None
    for one in chain:
        place, record = one.place, _record(one)
        if before is None:
            if record.sequence and starts[place.partition]:
                verdict.expired += record.sequence
            elif record.sequence:
                missing = f"0 to {record.sequence - 1} of {record.writer}"
                verdict.faults.append(f"{place}: records {missing} are missing before it")
        elif record.sequence == before.sequence and record.hash == before.hash:
            continue
        elif record.sequence != before.sequence + 1:
            verdict.faults.append(f"{place}: {_name(record)} comes after {before.sequence}")
        elif record.previous != before.hash:
            verdict.faults.append(f"{place}: {_name(record)} names another one before it")
        before = record
    return {(r.writer, r.sequence): r.hash for r in map(_record, chain)}


def _verify_follows(
    first: Read, known: Mapping[tuple[str, int], str], verdict: Verdict, *, cut: bool
) -> None:
    """The ends of other chains that it names must be there, unless retention took something."""
    for end in _record(first).follows:
        found = known.get((end.writer, end.sequence))
        name = f"{end.sequence} of {end.writer}"
        if found is None and not cut:
            verdict.faults.append(f"{first.place}: {name}, which it names, is missing")
        elif found is not None and found != end.hash:
            verdict.faults.append(f"{first.place}: {name} is not the one that it names")


def _record(one: Read) -> AuditRecord:
    assert one.record is not None
    return one.record


def _name(record: AuditRecord) -> str:
    return f"record {record.sequence} of {record.writer}"
