"""A component of the identity graph: the unit that is loaded, versioned and committed."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from schemas.identifier import IDENTIFIER_KINDS
from services.profile.domain.part import Part

#: Identifier kinds by their code in the state; a kind without a code is stored by its name.
IDENTIFIER_CODES: Final[dict[str, int]] = {kind: code for code, kind in enumerate(IDENTIFIER_KINDS)}

#: Rules that make a link: one event carried both, an aliased event said so; or forbid it.
TOGETHER, ALIASED, FORBIDDEN = range(3)

#: A component with more nodes takes no more in. The demo's largest has a handful.
COMPONENT_NODES_MAX: Final = 4_096


class Node(NamedTuple):
    """An identifier. Without a part, no event counted for it yet."""

    id: bytes
    kind: int | str
    value: str
    part: Part | None = None


class Link(NamedTuple):
    """Nodes a and b (places in `nodes`, a's id the lower) and the earliest event that says so."""

    a: int
    b: int
    at: datetime
    event: bytes
    rule: int


#: The mark of no rules: parts of a component were shown by different ones.
MIXED: Final = -1


class Component(NamedTuple):
    """Nodes and the links between them.

    `loose`: (place in `nodes`, node id): links that were counted for this node only, because
    the other one is a hub or the component would grow beyond its bound.
    `rules`: the mark of the rules by which its people were shown last.
    """

    workspace: str
    nodes: list[Node]
    links: list[Link]
    loose: list[tuple[int, bytes]]
    rules: int = 0


def kind_code(kind: str) -> int | str:
    """How an identifier kind is stored."""
    return IDENTIFIER_CODES.get(kind, kind)


def kind_name(code: int | str) -> str:
    """The identifier kind of a stored code."""
    return IDENTIFIER_KINDS[code] if isinstance(code, int) else code
