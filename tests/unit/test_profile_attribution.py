"""Whom an event counts for today can be told from what is published, as the timeline view does."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from schemas.touchpoint import Touchpoint
from tests.reference.profiles import distinct, profiles_of
from tests.unit.profile_builders import SALT, Run, fed, histories, limited

#: Few of a kind for one person, so that rules refuse, and late links move identifiers.
RULES = limited(user_id=1, email=1, phone=1, anonymous_id=2)


def told(run: Run) -> dict[str, str]:
    """Event id -> profile, by redirects, and by identifiers where a rule keeps people apart."""
    newest = {key.decode(): json.loads(one.value) for key, one in run.topic.items()}
    alive = [one for one in newest.values() if not one.get("merged_into")]
    parted = {
        (one["kind"], one["value"]): person["profile_id"]
        for person in alive
        if person["refused_links"]
        for one in person["identifiers"]
    }
    found = {}
    for output in run.outputs:
        if output.topic != "touchpoints.resolved":
            continue
        event = json.loads(output.value)
        profile = event["profile_id"]
        while newest[profile].get("merged_into"):
            profile = newest[profile]["merged_into"]
        first = event["identifiers"][0]
        found[event["event_id"]] = parted.get((first["kind"], first["value"]), profile)
    return found


def expected(history: list[Touchpoint]) -> dict[str, Any]:
    """Event id -> profile of its strongest identifier, by the reference."""
    people = profiles_of(history, RULES, SALT)
    owner = {
        name: facts["profile_id"] for facts in people.values() for name in facts["identifiers"]
    }
    return {
        str(event.event_id): owner[event.identifiers[0].kind, event.identifiers[0].value]
        for event in distinct(history)
    }


@given(histories(40))
@settings(max_examples=200, deadline=None)
def test_events_follow_their_identifier_wherever_late_links_move_it(
    history: list[Touchpoint],
) -> None:
    assert told(fed(history, 3, RULES)) == expected(history)
