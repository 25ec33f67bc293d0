"""The profiles that must come out of a list of touchpoints: slow, obvious, one thread, no state.

Written from the design, not from the service: it recomputes everything from the whole list, in
plain dicts and exact fractions. Only the node id, which decides between equal times, is shared.
Not modelled: the bounds on nodes of one component.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from schemas.profile import Profile
from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from services.profile.domain.ids import Hashes
from tests.reference.facts import Facts, facts_of_events, quality_of
from tests.reference.identity import Key, Person, people, usable
from tests.reference.memberships import typed_memberships


def profiles_of(
    touchpoints: Iterable[Touchpoint], workspace: Workspace, salt: str
) -> dict[Person, Facts]:
    """Identifiers of each person -> the facts of schemas.profile.Profile without ids and versions.

    Facts are plain JSON values, money as Decimal. Further: `profile_id`, as it must be.
    """
    events = distinct(one for one in touchpoints if one.workspace == workspace.name)
    counted = [(usable(one, workspace), one) for one in events]
    counted = [(keys, one) for keys, one in counted if keys]
    persons, refused = people(counted, workspace, salt)
    own: dict[Person, list[tuple[Key, Touchpoint]]] = defaultdict(list)
    for keys, event in counted:
        own[persons[keys[0]]].append((keys[0], event))
    facts = {
        person: facts_of_events([event for _, event in mine], workspace)
        for person, mine in own.items()
    }
    return {
        person: facts[person]
        | {
            "identifiers": sorted(person),
            "refused_links": refused[person].number,
            "conflicts": refused[person].conflicts[:5],
            "more_identifiers": 0,
            "profile_id": _profile_id(mine, workspace, salt),
            "quality": quality_of(facts[person], person, refused[person].unsettled),
        }
        for person, mine in own.items()
    }


def distinct(touchpoints: Iterable[Touchpoint]) -> list[Touchpoint]:
    """The first of each message id."""
    first: dict[tuple[str, str], Touchpoint] = {}
    for one in touchpoints:
        first.setdefault((one.workspace, one.message_id), one)
    return list(first.values())


def _profile_id(mine: list[tuple[Key, Touchpoint]], workspace: Workspace, salt: str) -> str:
    """The node whose events were received first; then the stronger kind, then the lower id."""
    ranks = {rule.kind: rank for rank, rule in enumerate(workspace.identity.kinds)}
    _, _, node = min(
        (event.received_at, ranks.get(key[0], len(ranks)), Hashes(salt).node(workspace.name, *key))
        for key, event in mine
    )
    digits = node.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def facts_of(snapshot: bytes) -> tuple[Person, Facts]:
    """A published snapshot in the form of `profiles_of`, to be compared with it."""
    raw = json.loads(snapshot)
    assert raw["merged_into"] is None, "a redirect has no facts"
    facts = {name: raw[name] for name in _SHOWN}
    facts["identifiers"] = sorted((one["kind"], one["value"]) for one in raw["identifiers"])
    for name in ("first_seen_at", "last_seen_at"):
        facts[name] = _moment(facts[name])
    for conflict in facts["conflicts"]:
        conflict["at"] = _moment(conflict["at"])
        conflict["kinds"] = tuple(conflict["kinds"])
    for trait in facts["traits"].values():
        trait["at"] = _moment(trait["at"])
    facts["memberships"] = typed_memberships(facts["memberships"])
    last_at = facts["behaviour"]["last_at"]
    facts["behaviour"]["last_at"] = {name: _moment(at) for name, at in last_at.items()}
    profile = Profile.model_validate_json(snapshot)
    for name in _SECTIONS:
        facts[name] = getattr(profile, name).model_dump()
    facts["consent"] = {name: one.model_dump() for name, one in profile.consent.items()}
    return frozenset(facts["identifiers"]), facts


_SHOWN = (
    "workspace",
    "profile_id",
    "identifiers",
    "refused_links",
    "conflicts",
    "more_identifiers",
    "traits",
    "accounts",
    "memberships",
    "first_seen_at",
    "last_seen_at",
    "behaviour",
)
_SECTIONS = (
    *("purchases", "service", "payments", "sales"),
    *("loyalty", "marketing", "preferences", "quality"),
)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
