"""What ties a person together: identifiers, the links between them, the profiles that merged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from schemas.base import from_micros, to_json
from schemas.profile_api import (
    IdentityLink,
    KnownIdentifier,
    Links,
    MergedProfile,
    Merges,
    RefusedTie,
)
from services.profile.api.columns import Columns
from services.profile.api.keys import Holder
from services.profile.api.masks import HIDDEN
from services.profile.api.people import Found
from services.profile.domain.component import (
    ALIASED,
    ALIASED_PUBLIC,
    FORBIDDEN,
    PARTED,
    PARTED_PUBLIC,
    REQUESTED,
    REQUESTED_PUBLIC,
    TOGETHER,
    TOGETHER_PUBLIC,
    Component,
    Link,
    Node,
    kind_name,
)
from services.profile.domain.grouping import RefusedLink
from services.profile.domain.ids import uuid_text
from services.profile.domain.part import BORN, FIRST, LAST, Part

#: Names of the rules by which links are made.
RULES: Final[Mapping[int, str]] = {
    TOGETHER: "together",
    ALIASED: "aliased",
    FORBIDDEN: "forbidden",
    TOGETHER_PUBLIC: "together_public",
    ALIASED_PUBLIC: "aliased_public",
    REQUESTED: "requested",
    REQUESTED_PUBLIC: "requested_public",
    PARTED_PUBLIC: "parted_public",
    PARTED: "parted",
}
#: Ids in one question to the columns; those of a person with more are told without their moment.
ASKED_MAX: Final = 400

_REDIRECTS: Final = """
SELECT profile_id, version
FROM profile_redirects FINAL
WHERE workspace = {workspace:String} AND profile_id IN {ids:Array(UUID)}
"""


def links(holder: Holder, found: Found) -> bytes:
    """Identifiers of the person, and all links that touch one of them, as JSON."""
    component, places = found.home.component, found.person.places
    own = frozenset(places)
    nodes = component.nodes
    touching = [link for link in component.links if link.a in own or link.b in own]
    return to_json(
        Links(
            profile_id=UUID(bytes=found.id),
            version=found.home.version,
            identifiers=tuple(_identifier(nodes[place], holder) for place in places),
            links=tuple(_link(link, nodes, own) for link in touching),
            refused=tuple(_refused(one, component) for one in found.person.refused),
            refused_links=found.person.refused_links,
        )
    )


def _identifier(node: Node, holder: Holder) -> KnownIdentifier:
    seen: list[datetime] = list(node.part.seen) if node.part is not None else []
    return KnownIdentifier(
        identifier_id=UUID(bytes=node.id),
        kind=kind_name(node.kind),
        value=node.value if holder.sees_personal else HIDDEN,
        first_seen_at=seen[FIRST] if seen else None,
        last_seen_at=seen[LAST] if seen else None,
    )


def _refused(refused: RefusedLink, component: Component) -> RefusedTie:
    link, outside = refused.link, refused.outside
    other = component.nodes[link.b].id if outside is None else outside.other
    return RefusedTie(
        one=UUID(bytes=component.nodes[link.a].id),
        other=UUID(bytes=other),
        rule=RULES.get(link.rule, f"rule_{link.rule}"),
        reason=str(refused.reason),
        at=link.at,
        event_id=UUID(bytes=link.event),
    )


def _link(link: Link, nodes: list[Node], own: frozenset[int]) -> IdentityLink:
    return IdentityLink(
        one=UUID(bytes=nodes[link.a].id),
        other=UUID(bytes=nodes[link.b].id),
        rule=RULES.get(link.rule, f"rule_{link.rule}"),
        at=link.at,
        event_id=UUID(bytes=link.event),
        joins=link.a in own and link.b in own,
    )


async def merges(columns: Columns, holder: Holder, found: Found) -> bytes:
    """The ids that lead to the person, as JSON; when they were redirected is in the columns."""
    nodes = [found.home.component.nodes[place] for place in found.person.places]
    parts = {node.id: node.part for node in nodes if node.part is not None and node.id != found.id}
    lost = sorted(parts, key=lambda node: (parts[node].seen[BORN], node))
    at = await _redirected_at(columns, holder, [uuid_text(node) for node in lost])
    merged = tuple(_merged(node, parts[node], at) for node in lost)
    return to_json(
        Merges(profile_id=UUID(bytes=found.id), version=found.home.version, merged=merged)
    )


def _merged(node: bytes, part: Part, at: Mapping[UUID, datetime]) -> MergedProfile:
    lost = UUID(bytes=node)
    return MergedProfile(
        profile_id=lost,
        first_seen_at=part.seen[FIRST],
        last_seen_at=part.seen[LAST],
        merged_at=at.get(lost),
    )


async def _redirected_at(columns: Columns, holder: Holder, ids: list[str]) -> dict[UUID, datetime]:
    if not ids:
        return {}
    asked: dict[str, Any] = {"workspace": holder.premises.name, "ids": ids[:ASKED_MAX]}
    rows = await columns.rows(_REDIRECTS, asked)
    return {row["profile_id"]: from_micros(row["version"]) for row in rows}
