"""What the step does about the erased: drops what names them, marks their nodes, says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.common.batch import Decision, Output
from services.profile.controls import Ordered
from services.profile.decode import Arrival
from services.profile.domain.erasing import ERASED, UNKNOWN
from services.profile.domain.graph import Graph
from services.profile.domain.working import Working
from services.profile.metrics import Counts
from services.profile.outputs import Publications
from services.profile.store import Found, component_key, erased_mark, node_key


def without_erased(
    arrivals: list[Arrival], controls: Sequence[Ordered], graph: Graph, counts: Counts
) -> list[Arrival]:
    """Drop what names somebody who is erased: it is late, or read again."""
    erased = set(graph.erased)
    for one in controls:
        if one.control.erases:
            erased.update(one.nodes)
    if not erased:
        return arrivals
    kept = [
        arrival
        for arrival in arrivals
        if erased.isdisjoint(arrival.event.nodes) and arrival.event.alias not in erased
    ]
    counts.erased_dropped += len(arrivals) - len(kept)
    counts.events -= len(arrivals) - len(kept)
    return kept


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
    """Mark the nodes that are erased before anything came that names them."""
    for node in graph.erasing:
        decision.plain[node_key(node)] = erased_mark(version)


def still_erased(
    workspaces: Mapping[bytes, str], found: Found, publications: Publications
) -> list[Output]:
    """Snapshots of profiles that were erased since: what their nodes' keys say now."""
    return [
        publications.erased(*found.erased[profile], workspace, profile)
        for profile, workspace in workspaces.items()
        if profile in found.erased
    ]
