"""Why two identifiers are one person, or why they are not: the events and rules between them."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.profile_asked import PairAsked
from services.profile.api.answers import Refused
from services.profile.api.keys import Holder
from services.profile.api.masks import HIDDEN
from services.profile.api.people import People
from services.profile.api.reader import Home
from services.profile.domain.why import why
from services.profile.why_json import why_json


async def answer_of(people: People, holder: Holder, asked: PairAsked) -> bytes:
    """The chain as JSON, masked for who may not see personal data. Refused: 400, 404, 503."""
    one = await _home(people, holder, asked, "one")
    other = await _home(people, holder, asked, "other")
    homes = {home.loaded.key: home.loaded.component for home in (one, other)}
    found = why(list(homes.values()), holder.premises.rules, one.node, other.node)
    said = why_json(found)
    if holder.sees_personal:
        for profile in dict.fromkeys(said["profiles"]):
            if profile is not None:
                people.note(holder, "links.read", profile)
    else:
        _hide(said)
    return msgspec.json.encode(said)


async def _home(people: People, holder: Holder, asked: PairAsked, name: str) -> Home:
    identifier = getattr(asked, name)
    node = people.node_of(holder, identifier.kind, identifier.value)
    home = await people.home(holder, node)
    if home is None:
        raise Refused(404, "not_found", f"no event has named `{name}` in this workspace")
    return home


def _hide(said: dict[str, Any]) -> None:
    for tie in (*said["chain"], *said["apart"]):
        for end in (tie["one"], tie["other"]):
            end["value"] = HIDDEN
