"""One person as identity sees them: identifiers, parts, refused links, redirects, versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.base import from_micros
from services.cli.identity.named import shown
from services.cli.identity.why_text import moment_text, profile_text, refused_lines
from services.profile.domain.component import Node, kind_name
from services.profile.domain.ids import uuid_text
from services.profile.domain.part import BORN, FIRST, LAST
from services.profile.domain.people import Person
from services.profile.domain.rules import Rules
from services.profile.domain.why import Whole
from services.profile.lookup import Located
from services.profile.why_json import tie_json

#: Identifiers that are listed one by one; of more, the rest is counted.
LISTED_MAX = 200


def show_lines(found: Located, person: Person, whole: Whole, rules: Rules) -> Iterator[str]:
    """For people."""
    nodes = [found.component.nodes[place] for place in person.places]
    version = found.loaded.version
    yield f"{profile_text(person.id)}, workspace {found.component.workspace}"
    yield f"version {version} ({moment_text(from_micros(version))}), {_rules(found, rules)}"
    others = len(found.component.nodes) - len(nodes)
    if others:
        yield f"its component {uuid_text(found.loaded.key)} has {others} other identifiers"
    yield ""
    yield "identifiers, and the part that counts for each:"
    width = max(len(_name(node)) for node in nodes[:LISTED_MAX])
    for node in nodes[:LISTED_MAX]:
        yield f"  {_name(node):<{width}}  {_part(node)}"
    if len(nodes) > LISTED_MAX:
        yield f"  ... and {len(nodes) - LISTED_MAX} more (--json has them all)"
    yield from refused_lines(whole.refused)
    lost = redirects(nodes, person)
    if lost:
        yield ""
        yield "profile ids that lead here:"
        yield from (f"  {uuid_text(node.id)}" for node in lost)


def show_json(found: Located, person: Person, whole: Whole, rules: Rules) -> dict[str, Any]:
    """For scripts."""
    nodes = [found.component.nodes[place] for place in person.places]
    version = found.loaded.version
    return {
        "workspace": found.component.workspace,
        "profile_id": uuid_text(person.id) if person.id else None,
        "component": uuid_text(found.loaded.key),
        "version": version,
        "updated_at": from_micros(version).isoformat(),
        "rules_in_force": found.component.rules == rules.mark,
        "identifiers": [_as_json(node) for node in nodes],
        "refused": [tie_json(tie) for tie in whole.refused],
        "redirects": [uuid_text(node.id) for node in redirects(nodes, person)],
    }


def redirects(nodes: list[Node], person: Person) -> list[Node]:
    """Those whose ids were, or could have been, profiles of their own."""
    return [node for node in nodes if node.part is not None and node.id != person.id]


def _rules(found: Located, rules: Rules) -> str:
    if found.component.rules == rules.mark:
        return "by the rules in force"
    return "last shown by other rules (see `rapport identity plan`)"


def _name(node: Node) -> str:
    return f"{kind_name(node.kind)}:{shown(node.value)}"


def _part(node: Node) -> str:
    folded = f", {node.absorbed} others folded into it" if node.absorbed else ""
    if node.part is None:
        return f"no event counts for it{folded}"
    seen = node.part.seen
    events = sum(times for times, _ in node.part.kinds.values())
    span = f"{moment_text(seen[FIRST])} to {moment_text(seen[LAST])}"
    return f"{events} events, {span}{folded}"


def _as_json(node: Node) -> dict[str, Any]:
    said: dict[str, Any] = {"kind": kind_name(node.kind), "value": node.value}
    said["absorbed"] = node.absorbed
    if node.part is None:
        return said | {"events": 0}
    seen = node.part.seen
    return said | {
        "events": sum(times for times, _ in node.part.kinds.values()),
        "first_seen_at": seen[FIRST].isoformat(),
        "last_seen_at": seen[LAST].isoformat(),
        "first_received_at": seen[BORN].isoformat(),
    }
