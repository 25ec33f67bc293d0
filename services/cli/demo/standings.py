"""Whether ClickHouse shows everybody in the stage that journey has in Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import redis

from services.common.batch import unpack_state
from services.journey.store import PREFIX, owner_of, state_of

SHOWN: Final = "SELECT toString(profile_id) AS who, stage FROM customers"
KEYS_AT_ONCE: Final = 2_000
#: A moment that passes just now is in Redis first, in the columns some seconds later.
SETTLES_S: Final = 20.0
LOOK_AGAIN_AFTER_S: Final = 1.0

Stages = Mapping[str, str]


def stage_errors(
    client: redis.Redis, shown: Callable[[], Stages], within_s: float = SETTLES_S
) -> list[str]:
    """Who is shown in another stage, as texts; looks again for a while before it says so."""
    deadline = time.monotonic() + within_s
    while errors := differences(stages_in_redis(client), shown()):
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


def stages_in_redis(client: redis.Redis) -> dict[str, str]:
    """Profile id -> stage of every living profile."""
    found: dict[str, str] = {}
    keys: list[bytes] = list(client.scan_iter(match=PREFIX + b"*", count=5_000))
    for start in range(0, len(keys), KEYS_AT_ONCE):
        asked = keys[start : start + KEYS_AT_ONCE]
        values = cast("list[Any]", client.mget(asked))
        for key, value in zip(asked, values, strict=True):
            state = state_of(unpack_state(value)[1])
            if not state.merged_into:
                found[str(owner_of(key)[1])] = str(state.stage)
    return found
