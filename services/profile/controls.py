"""Records of touchpoints.accepted that change profiles and are no touchpoint of a sender.

Such a record has the header `rapport-control: NAME`, a key that begins with `rapport-control` (of
other records the headers are not read) and a JSON object that names its `workspace`. It is read,
committed and remembered exactly once, like any event. What it does must come out alike when it is
decided on twice, and must not depend on the touchpoints beside it in the batch: these are folded
first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from schemas.dead_letter import Reason
from services.common.batch import CONTROL_HEADER, Record
from services.profile.decode import Refusal
from services.profile.domain.erasing import erase, forget_names
from services.profile.domain.graph import Graph
from services.profile.domain.ids import uuid_bytes
from services.profile.domain.working import Working

Body = dict[str, Any]

#: Nodes of one control: a component has no more, and the record stays small.
ERASED_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Control:
    """One kind of control record.

    nodes   the nodes whose components it needs; ValueError says what is wrong with the body
    act     does it, on a graph in which these components are (a node that Redis does not know is in
            none). It changes Workings: `changed` has one written and its people shown anew, `left`
            says what becomes of the keys of nodes that it removes
    erases  whether touchpoints that name its nodes are dropped, those beside it too
    lifts   whether its nodes are let in again, if they were erased
    """

    nodes: Callable[[Body], Iterable[bytes]]
    act: Callable[[Graph, Body], None]
    erases: bool = False
    lifts: bool = False


@dataclass(frozen=True, slots=True)
class Ordered:
    """A control record that was understood."""

    record: Record
    control: Control
    body: Body
    nodes: tuple[bytes, ...]
    name: str

    def note(self) -> bytes | None:
        """The field under which it is noted how far all was read when it was decided on: what
        names the erased counts for others if it came before, so that order is part of the log."""
        erasure = self.body.get("erasure_id")
        if not (self.control.erases or self.control.lifts) or not isinstance(erasure, str):
            return None
        return note_name(erasure, self.name)

    def act(self, graph: Graph) -> None:
        self.control.act(graph, self.body)


def note_name(erasure_id: str, control: str) -> bytes:
    """What a control of an erasure is noted as."""
    return f"{erasure_id[:100]}:{control}".encode()


_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


def name_of(record: Record) -> str | None:
    """The control that a record is, None: a touchpoint."""
    if not record.headers:
        return None
    said = dict(record.headers).get(CONTROL_HEADER)
    return None if said is None else said.decode("utf-8", "replace")


def read(name: str, record: Record, workspaces: Mapping[str, object]) -> Ordered | Refusal:
    """The control of this name, or why it is none."""
    control = CONTROLS.get(name)
    if control is None:
        known = ", ".join(sorted(CONTROLS))
        detail = f"{CONTROL_HEADER} is {name[:100]!r}, known are {known}: is profile older?"
        return Refusal(record, Reason.UNKNOWN_TYPE, detail)
    try:
        body = _decode(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(record, Reason.MALFORMED_JSON, f"control {name}: {error}")
    workspace = body.get("workspace")
    if not isinstance(workspace, str) or workspace not in workspaces:
        detail = f"control {name}: no workspace {workspace!r} is configured (RAPPORT_WORKSPACE)"
        return Refusal(record, Reason.UNKNOWN_WORKSPACE, detail, str(workspace or "unknown"))
    try:
        return Ordered(record, control, body, tuple(control.nodes(body)), name)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        detail = f"control {name}: {error}"
        return Refusal(record, Reason.BAD_PROPERTIES, detail, str(workspace))


# -- regroup ---------------------------------------------------------------------------------------


def _component(body: Body) -> tuple[bytes]:
    """ValueError when it names none."""
    named = body.get("component")
    try:
        return (uuid_bytes(str(named)),)
    except ValueError as error:
        raise ValueError(f"component is {named!r}: write the 32 hex digits of its id") from error


def _regroup(graph: Graph, body: Body) -> None:
    """Decide the people of a component anew by the rules in force; show and redirect who changed.

    One that was decided on by these rules already is left as it is: a plan can be applied twice.
    """
    home = graph.homes.get(*_component(body))
    if home is None or home.component.workspace != body["workspace"]:
        return
    if home.component.rules != graph.rules[body["workspace"]].mark:
        home.changed = True


# -- erase -----------------------------------------------------------------------------------------


def erased_nodes(body: Body) -> tuple[bytes, ...]:
    """The nodes of the person. ValueError."""
    nodes = body["nodes"]
    if not isinstance(nodes, list) or not 0 < len(nodes) <= ERASED_MAX:
        raise ValueError(f"nodes are 1 to {ERASED_MAX} ids")
    return tuple(dict.fromkeys(map(uuid_bytes, nodes)))


def _naming(body: Body) -> tuple[bytes, ...]:
    """The nodes of other people, in whose parts the person may be named: who referred them."""
    nodes = body.get("naming", [])
    if not isinstance(nodes, list) or len(nodes) > ERASED_MAX:
        raise ValueError(f"naming are at most {ERASED_MAX} ids")
    return tuple(dict.fromkeys(map(uuid_bytes, nodes)))


def _erased(body: Body) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys((*erased_nodes(body), *_naming(body))))


def _erase(graph: Graph, body: Body) -> None:
    """Take the nodes of somebody out of the graph, for ever: what names them later is dropped."""
    homes: dict[Working, list[bytes]] = {}
    workspace, gone = body["workspace"], erased_nodes(body)
    for node in gone:
        home = graph.homes.get(node)
        if node in graph.erased:
            continue
        if home is None or home.component.workspace != body["workspace"]:
            graph.erasing.add(node)
        else:
            homes.setdefault(home, []).append(node)
    for home, nodes in homes.items():
        home.erased += erase(home, nodes, graph.rules[workspace])
    for node in _naming(body):
        home = graph.homes.get(node)
        if home is not None and node in home.places:
            forget_names(home, node, lambda *name: graph.hashed(workspace, *name) in gone)


def _lifted(body: Body) -> tuple[bytes, ...]:
    if not isinstance(body["from"], int) or not 0 < body["from"] < 2**62:
        raise ValueError("from is a moment in µs since 1970")
    return erased_nodes(body)


def _lift(_graph: Graph, _body: Body) -> None:
    """Nothing more: who may come in is decided on before the touchpoints beside it are folded."""


#: By what the header says.
CONTROLS: Final[dict[str, Control]] = {
    "regroup": Control(_component, _regroup),
    "erase": Control(_erased, _erase, erases=True),
    "lift": Control(_lifted, _lift, lifts=True),
}
