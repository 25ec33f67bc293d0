"""Whether ClickHouse shows everybody in the stage that journey has in Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

import redis

from services.journey.domain.customer import State
from services.journey.store import PREFIX, JourneyStore, owner_of

SHOWN: Final = "SELECT toString(profile_id) AS who, stage FROM customers"
#: A moment that passes just now is in Redis first, in the columns some seconds later.
SETTLES_S: Final = 20.0
LOOK_AGAIN_AFTER_S: Final = 1.0

Stages = Mapping[str, str]


def stage_errors(
    client: redis.Redis, shown: Callable[[], Stages], within_s: float = SETTLES_S
) -> list[str]:
    """Who is shown in another stage, as texts; looks again for a while before it says so."""
    deadline = time.monotonic() + within_s
    while errors := differences(_stages(states_in_redis(client)), shown()):
        if time.monotonic() > deadline:
            break
        time.sleep(LOOK_AGAIN_AFTER_S)
    return errors


def differences(known: Stages, shown: Stages) -> list[str]:
    """A text for each profile whose two stages differ; one that is nowhere has an empty stage."""
    return [
        f"{who} is {known.get(who, '')!r} in Redis and {shown.get(who, '')!r} in ClickHouse"
        for who in sorted(known.keys() | shown.keys())
        if known.get(who) != shown.get(who)
    ]


def states_in_redis(client: redis.Redis) -> dict[str, State]:
    """Profile id -> what journey remembers, tombstones of merged profiles too."""
    keys: list[bytes] = list(client.scan_iter(match=PREFIX + b"*", count=5_000))
    found = JourneyStore(client).load(keys)
    return {str(owner_of(key)[1]): one.state for key, one in found.items() if one.state}


def _stages(states: Mapping[str, State]) -> Stages:
    return {who: str(state.stage) for who, state in states.items() if not state.merged_into}
