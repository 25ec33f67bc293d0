"""Whether the comparison would find what is wrong: it is led astray, and must say so."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

from schemas.account import Account
from schemas.base import to_json
from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from tests.faults.compare import compare
from tests.faults.world import World


def proofs(world: World, sent: set[str], workspace: Workspace, now: datetime) -> dict[str, int]:
    """How many findings one dropped, doubled and swapped event of the input gives, and a member
    that an account forgets: never none."""
    return {
        name: sum(compare(changed, sent, workspace, now).counts().values())
        for name, changed in {
            "drop": replace(world, accepted=_dropped(world.accepted)),
            "double": replace(world, accepted=_doubled(world.accepted)),
            "swap": replace(world, accepted=_swapped(world.accepted)),
            "account": replace(world, accounts=_a_member_less(world.accounts)),
        }.items()
    }


def _dropped(events: list[Touchpoint]) -> list[Touchpoint]:
    """One event that came once is missing in the input."""
    times = Counter(event.message_id for event in events)
    gone = next(event for event in events if times[event.message_id] == 1)
    return [event for event in events if event is not gone]


def _doubled(events: list[Touchpoint]) -> list[Touchpoint]:
    """One event counts twice: under a second message id, as if the ids were not remembered."""
    event = next(e for e in events if e.properties.kind == "page_viewed")
    return [*events, event.model_copy(update={"message_id": event.message_id + "'"})]


def _a_member_less(accounts: dict[str, bytes]) -> dict[str, bytes]:
    """One account says that somebody has left it."""
    told = {key: Account.model_validate_json(value) for key, value in accounts.items()}
    name, account = next((key, one) for key, one in told.items() if one.members > 0)
    forgot = account.model_copy(update={"members": account.members - 1})
    return accounts | {name: to_json(forgot)}


def _swapped(events: list[Touchpoint]) -> list[Touchpoint]:
    """Two page views change their persons."""
    views = [i for i, e in enumerate(events) if e.properties.kind == "page_viewed"]
    one = views[0]
    other = next(i for i in views if events[i].identifiers != events[one].identifiers)
    swapped = list(events)
    swapped[one] = events[one].model_copy(update={"identifiers": events[other].identifiers})
    swapped[other] = events[other].model_copy(update={"identifiers": events[one].identifiers})
    return swapped
