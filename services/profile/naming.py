"""Records → arrivals that have the nodes of their identifiers, and the hash of their message id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.dead_letter import Reason
from schemas.identifier import VALUE_CHARACTERS_MAX
from services.common.batch import Record, Undecidable
from services.profile import controls
from services.profile.controls import Ordered
from services.profile.decode import Arrival, Refusal, read
from services.profile.domain.component import kind_code
from services.profile.domain.event import Aliased, Event, MergeRequested, Name, UnmergeRequested
from services.profile.domain.folds.loyalty import NAMING
from services.profile.domain.ids import NODES_CACHED, Hashes
from services.profile.domain.people import Rules
from services.profile.domain.requests import SAID
from services.profile.store import week_of

#: In the place of a node's id: the identifier is blocked, or none.
NOBODY: Final = b""
WRONG: Final = b"?"


@dataclass(slots=True)
class Read:
    """Records, understood or refused."""

    arrivals: list[Arrival] = field(default_factory=list)
    controls: list[Ordered] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


class _Prepared(NamedTuple):
    """Records that were read before their turn."""

    records: Sequence[Record]
    understood: Read


class Naming:
    """Reads the records of a batch, or some of them before their turn."""

    def __init__(self, hashes: Hashes, rules: Mapping[str, Rules]) -> None:
        self._hash, self._message = hashes.hashed, hashes.message
        self._rules = rules
        self._prepared: _Prepared | None = None
        #: Remembers the identifiers that were seen last.
        self._node = lru_cache(NODES_CACHED)(self._node_of)

    def prepare(self, records: Sequence[Record]) -> None:
        """Read what the next batch may begin with."""
        self._prepared = _Prepared(records, self._read(records))

    def understood(self, records: Sequence[Record]) -> Read:
        """The records read and named: those that were prepared, and the others."""
        prepared, self._prepared = self._prepared, None
        if prepared is None or records[: len(prepared.records)] != prepared.records:
            return self._read(records)
        rest = self._read(records[len(prepared.records) :])
        ready = prepared.understood
        return Read(
            ready.arrivals + rest.arrivals,
            ready.controls + rest.controls,
            ready.refusals + rest.refusals,
        )

    def _read(self, records: Sequence[Record]) -> Read:
        understood, name = Read(), self._name
        for record in records:
            try:
                found = self._understood(record) if record.headers else read(record)
                if type(found) is Arrival:
                    found = name(found)
            except Exception as error:
                raise Undecidable([record]) from error
            if type(found) is Arrival:
                understood.arrivals.append(found)
            elif type(found) is Refusal:
                understood.refusals.append(found)
            elif type(found) is Ordered:
                understood.controls.append(found)
        return understood

    def _understood(self, record: Record) -> Arrival | Ordered | Refusal:
        control = controls.name_of(record)
        return read(record) if control is None else controls.read(control, record, self._rules)

    def _name(self, arrival: Arrival) -> Arrival | Refusal:
        """Give an event the nodes of its identifiers; refuse one that has none."""
        event = arrival.event
        workspace = event.workspace
        if workspace not in self._rules:
            return Refusal(
                arrival.record,
                Reason.UNKNOWN_WORKSPACE,
                f"no workspace {workspace!r} is configured (RAPPORT_WORKSPACE)",
                workspace or "unknown",
            )
        node, facts = self._node, event.facts
        nodes = [node(workspace, name.kind, name.value) for name in event.names]
        if type(facts) in SAID:
            assert isinstance(facts, Aliased | MergeRequested | UnmergeRequested)
            other = facts.previous if isinstance(facts, Aliased) else facts.other
            event.alias = node(workspace, other.kind, other.value) or None
            if event.alias == WRONG:
                return _wrong(arrival, other)
        elif event.kind in NAMING:
            event.others = self._others(event)
        if NOBODY in nodes or WRONG in nodes:  # hardly ever
            for name, found in zip(event.names, nodes, strict=True):
                if found == WRONG:
                    return _wrong(arrival, name)
            event.names = [
                name for name, found in zip(event.names, nodes, strict=True) if found != NOBODY
            ]
            nodes = [found for found in nodes if found != NOBODY]
        if not nodes:
            detail = "no identifier, or only blocked ones"
            return Refusal(arrival.record, Reason.NO_IDENTIFIER, detail, workspace)
        event.nodes = nodes
        arrival.message = self._message(workspace, arrival.message_id)
        arrival.week = week_of(event.received)
        return arrival

    def _others(self, event: Event) -> list[bytes]:
        """The nodes of people whom the facts name."""
        names = [getattr(event.facts, field) for field in NAMING[event.kind]]
        named = [one for one in names if one is not None]
        found = [self._node(event.workspace, one.kind, one.value) for one in named]
        return [node for node in found if node not in (NOBODY, WRONG)]

    def _node_of(self, workspace: str, kind: str, value: str) -> bytes:
        """The node of an identifier; NOBODY if it is blocked, WRONG if it is none."""
        if not 0 < len(value) <= VALUE_CHARACTERS_MAX or not 0 < len(kind) <= VALUE_CHARACTERS_MAX:
            return WRONG
        if self._rules[workspace].names_nobody(kind_code(kind), value):
            return NOBODY
        return self._hash(workspace, kind, value)


def _wrong(arrival: Arrival, name: Name) -> Refusal:
    detail = (
        f"an identifier of kind {name.kind[:50]!r} has {len(name.value)} characters: "
        f"send 1 to {VALUE_CHARACTERS_MAX}"
    )
    return Refusal(arrival.record, Reason.BAD_IDENTIFIER, detail, arrival.event.workspace)
