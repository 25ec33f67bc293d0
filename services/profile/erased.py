"""What the step does about the erased: drops what names them, marks their nodes, says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.base import micros
from services.common.batch import Decision, Output, Undecidable
from services.profile.controls import Ordered, erased_nodes
from services.profile.decode import Arrival
from services.profile.domain.erasing import ERASED, UNKNOWN
from services.profile.domain.event import Event
from services.profile.domain.graph import Graph
from services.profile.domain.working import Working
from services.profile.metrics import Counts
from services.profile.outputs import Publications
from services.profile.store import Found, component_key, erased_mark, lifted_mark, node_key


def let_in(graph: Graph, found: Found, controls: Sequence[Ordered], decision: Decision) -> None:
    """Tell the graph who is erased, and who is let in again: by then, or by a record beside.

    Undecidable where one batch erases somebody and lets them in: what comes between the two, and
    behind, can not be told apart. The step parts the batch.
    """
    erasing = {node for one in controls if one.control.erases for node in one.nodes}
    if any(one.control.lifts and not erasing.isdisjoint(one.nodes) for one in controls):
        raise Undecidable(())
    decision.notes += [note for one in controls if (note := one.note())]
    for one in controls:
        for node in one.nodes if one.control.lifts else ():
            holder, version = found.erased.get(node, (b"", 0))
            if holder == node:
                del found.erased[node]
                decision.reads[node_key(node)] = version
                # not by when the erasure was decided on: read again, that is another moment
                graph.since[node] = one.body["from"]
    for node, (holder, from_us) in found.lifted.items():
        graph.since[node] = from_us
        if holder == node:
            decision.reads[node_key(node)] = from_us
    graph.erased = frozenset(found.erased)


def without_erased(
    arrivals: list[Arrival], controls: Sequence[Ordered], graph: Graph, counts: Counts
) -> list[Arrival]:
    """Drop what names somebody who is erased, or was when it was received: it is late, or read
    again."""
    erased = set(graph.erased)
    for one in controls:
        if one.control.erases:
            erased.update(erased_nodes(one.body))
    since = dict(graph.since)
    for home in dict.fromkeys(graph.homes.values()):
        if home.component.since:
            since.update(home.component.since)
    if erased:
        erased |= {leaf for leaf, into in graph.absorbed.items() if into in erased}
    if not erased and not since:
        return arrivals
    kept = [one for one in arrivals if not _names_one(one.event, erased, since)]
    counts.erased_dropped += len(arrivals) - len(kept)
    counts.events -= len(arrivals) - len(kept)
    return kept


def _names_one(event: Event, erased: set[bytes], since: Mapping[bytes, int]) -> bool:
    named = event.nodes
    if event.alias is not None or event.others:
        named = [*event.nodes, *event.others, event.alias or event.nodes[0]]
    if not erased.isdisjoint(named):
        return True
    return bool(since) and micros(event.received) < max(since.get(node, 0) for node in named)


def left(
    home: Working, version: int, decision: Decision, publications: Publications
) -> list[Output]:
    """What becomes of the keys of nodes that left a component, and of the profiles they were."""
    for node, says in home.left.items():
        if says == ERASED:
            decision.plain[node_key(node)] = erased_mark(version)
        elif says == UNKNOWN:
            decision.deletes.append(node_key(node))
        else:
            decision.plain[node_key(node)] = says
    if not home.component.nodes:
        known = [one for one, version in home.versions.items() if version]
        decision.deletes += map(component_key, known)
    else:
        decision.reads.setdefault(component_key(home.key), 0)  # it may have got a new name
    workspace = home.component.workspace
    return [publications.erased(one, version, workspace, one) for one in home.erased]


def mark_unknown(graph: Graph, version: int, decision: Decision) -> None:
    """Mark the nodes that are erased, or let in, before anything came that names them."""
    for node in graph.erasing:
        decision.plain[node_key(node)] = erased_mark(version)
    for node, from_us in graph.since.items():
        if node not in graph.homes and node not in graph.erasing:
            decision.plain[node_key(node)] = lifted_mark(from_us)


def still_erased(
    workspaces: Mapping[bytes, str], found: Found, publications: Publications
) -> list[Output]:
    """Snapshots of profiles that were erased since: what their nodes' keys say now."""
    marked = found.erased | found.lifted
    return [
        publications.erased(*marked[profile], workspace, profile)
        for profile, workspace in workspaces.items()
        if profile in marked
    ]
