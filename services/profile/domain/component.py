"""A component of the identity graph: the unit that is loaded, versioned and committed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from schemas.identifier import IDENTIFIER_KINDS
from services.profile.domain.part import Part

#: Identifier kinds by their code in the state; a kind without a code is stored by its name.
IDENTIFIER_CODES: Final[dict[str, int]] = {kind: code for code, kind in enumerate(IDENTIFIER_KINDS)}

#: What says that two nodes belong together: one event carried both, an aliased event said so, a
#: profile_merge_requested asked for it; or that they are not linked (FORBIDDEN). The same of events
#: of public keys, whose requests have no effect. The last three are told of refused links only.
#: Append only: the numbers are stored.
(
    TOGETHER,
    ALIASED,
    FORBIDDEN,
    TOGETHER_PUBLIC,
    ALIASED_PUBLIC,
    REQUESTED,
    REQUESTED_PUBLIC,
    PARTED_PUBLIC,
    PARTED,
) = range(9)

#: Links of one pair are kept once for each of these classes.
TRUSTED, PUBLIC, ASKED, ASKED_PUBLIC = range(4)
CLASS_OF: Final = (
    TRUSTED,
    TRUSTED,
    TRUSTED,
    PUBLIC,
    PUBLIC,
    ASKED,
    ASKED_PUBLIC,
    ASKED_PUBLIC,
    ASKED,
)
#: Links that can join, beside REQUESTED; only these make neighbours.
CARRIED: Final = frozenset({TOGETHER, ALIASED, TOGETHER_PUBLIC, ALIASED_PUBLIC})

#: What somebody asks for rather than an event carries.
ASKING: Final = frozenset({REQUESTED, PARTED, REQUESTED_PUBLIC, PARTED_PUBLIC})

#: A component with more nodes takes no more in. The demo's largest has a handful.
COMPONENT_NODES_MAX: Final = 4_096
#: Likewise of its links, and of its loose ones: what somebody may tie with a public key is bounded.
COMPONENT_LINKS_MAX: Final = 4 * COMPONENT_NODES_MAX
#: What public keys say fills a quarter of that at most: what a server says still finds room.
PUBLIC_SHARE: Final = 4


class Refusal(StrEnum):
    """Why a link joins nobody."""

    LIMIT = "limit"
    PUBLIC_KEY = "public_key"
    WEAK = "weak"
    SET_APART = "set_apart"
    HUB = "hub"
    TOO_LARGE = "too_large"
    ABSORBED = "absorbed"
    BLOCKED = "blocked"


class Node(NamedTuple):
    """An identifier. Without a part, no event counted for it yet.

    `absorbed`: how many leaves (weak identifiers that hung on this one alone) were folded into it:
    their parts are in its part, and they are no nodes any more.
    """

    id: bytes
    kind: int | str
    value: str
    part: Part | None = None
    absorbed: int = 0


class Link(NamedTuple):
    """Nodes a and b (places in `nodes`, a's id the lower) and the earliest event that says so
    (REQUESTED: the newest)."""

    a: int
    b: int
    at: datetime
    event: bytes
    rule: int


class Apart(NamedTuple):
    """Nodes a and b (as in a link) must not be one person: an unmerge, their newest word."""

    a: int
    b: int
    at: datetime
    event: bytes


class Loose(NamedTuple):
    """A link that is known at one of its ends alone, and joins nobody: why, and what the other end
    is (not a node of this component, or not when it came)."""

    place: int
    other: bytes
    kind: int | str
    at: datetime
    event: bytes
    rule: int
    reason: Refusal


class Since(NamedTuple):
    """The id of a node, and the moment (µs since 1970) since which it counts again."""

    node: bytes
    from_us: int


#: The mark of no rules: parts of a component were shown by different ones.
MIXED: Final = -1


class Component(NamedTuple):
    """Nodes and the links between them.

    `loose`: links that are told of one node only, because the other one is a hub or was absorbed,
    the component would grow beyond its bound, or a public key names two known people.
    `rules`: the mark of the rules by which its people were shown last.
    `apart`: pairs that an unmerge holds apart. A pair has one newest word: it, or a REQUESTED link.
    `since`: of nodes that were erased and are let in again: what was received before is dropped.
    `rebuilt`: the version at which a rebuild wrote it last; 0: none has.
    """

    workspace: str
    nodes: list[Node]
    links: list[Link]
    loose: list[Loose]
    rules: int = 0
    apart: tuple[Apart, ...] = ()
    since: tuple[Since, ...] = ()
    rebuilt: int = 0


def kind_code(kind: str) -> int | str:
    """How an identifier kind is stored."""
    return IDENTIFIER_CODES.get(kind, kind)


def kind_name(code: int | str) -> str:
    """The identifier kind of a stored code."""
    return IDENTIFIER_KINDS[code] if isinstance(code, int) else code


def is_too_large(one: Component, other: Component, share: int = 1) -> bool:
    """Whether a link between nodes of these (one is the other where both are in one) would make
    more of a component than it may become, or than such a share of that."""
    links = COMPONENT_LINKS_MAX // share
    if one is other:
        return len(one.links) >= links
    return (
        len(one.nodes) + len(other.nodes) > COMPONENT_NODES_MAX // share
        or len(one.links) + len(other.links) >= links
        or len(one.loose) + len(other.loose) > links
    )
