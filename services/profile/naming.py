"""Records → arrivals that have the nodes of their identifiers, and the hash of their message id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.dead_letter import Reason
from services.common.batch import Record, Undecidable
from services.common.workspace import Workspace
from services.profile.decode import Arrival, Refusal, read
from services.profile.domain.event import Aliased, Name
from services.profile.domain.ids import Hashes
from services.profile.store import week_of

#: Value of an identifier -> the kinds in which it names nobody.
Blocked = dict[str, set[str]]


def _blocked_of(workspace: Workspace) -> Blocked:
    kinds: Blocked = {}
    for rule in workspace.identity.kinds:
        for value in rule.blocked:
            kinds.setdefault(value, set()).add(rule.kind)
    return kinds


def _is_blocked(name: Name, blocked: Blocked) -> bool:
    return name.kind in blocked.get(name.value, ())


@dataclass(slots=True)
class Read:
    """Records, understood or refused."""

    arrivals: list[Arrival] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


class _Prepared(NamedTuple):
    """Records that were read before their turn."""

    records: Sequence[Record]
    understood: Read


class Naming:
    """Reads the records of a batch, or some of them before their turn."""

    def __init__(self, hashes: Hashes, workspaces: Mapping[str, Workspace]) -> None:
        self._node, self._message = hashes.node, hashes.message
        self._blocked = {name: _blocked_of(one) for name, one in workspaces.items()}
        self._prepared: _Prepared | None = None

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
        return Read(ready.arrivals + rest.arrivals, ready.refusals + rest.refusals)

    def _read(self, records: Sequence[Record]) -> Read:
        understood, name = Read(), self._name
        for record in records:
            try:
                found = read(record)
                if type(found) is Arrival:
                    found = name(found)
            except Exception as error:
                raise Undecidable([record]) from error
            if type(found) is Arrival:
                understood.arrivals.append(found)
            elif type(found) is Refusal:
                understood.refusals.append(found)
        return understood

    def _name(self, arrival: Arrival) -> Arrival | Refusal:
        """Give an event the nodes of its identifiers; refuse one that has none."""
        event = arrival.event
        workspace = event.workspace
        blocked = self._blocked.get(workspace)
        if blocked is None:
            return Refusal(
                arrival.record,
                Reason.UNKNOWN_WORKSPACE,
                f"no workspace {workspace!r} is configured (RAPPORT_WORKSPACE)",
                workspace or "unknown",
            )
        node, nodes = self._node, event.nodes
        for name in event.names:
            if name.value in blocked:  # hardly ever
                event.names = [one for one in event.names if not _is_blocked(one, blocked)]
                nodes[:] = [node(workspace, one.kind, one.value) for one in event.names]
                break
            nodes.append(node(workspace, name.kind, name.value))
        if not nodes:
            detail = "no identifier, or only blocked ones"
            return Refusal(arrival.record, Reason.NO_IDENTIFIER, detail, workspace)
        if isinstance(event.facts, Aliased):
            previous = event.facts.previous
            if not _is_blocked(previous, blocked):
                event.alias = node(workspace, previous.kind, previous.value)
        arrival.message = self._message(workspace, arrival.message_id)
        arrival.week = week_of(event.received)
        return arrival
