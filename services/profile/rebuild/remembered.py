"""Message ids that the shadow has folded and the live state does not remember.

An event that could not be decided on (its component was spoilt) went to the dead letters; the
shadow has folded it from the log. Sent again from there, it must not count twice.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import Any, Final

import redis

from services.common.redis_store import IDS_KEPT_S

_WEEK_S: Final = 7 * 86_400
#: The step asks the week of an event, the one before and the one after.
_WEEKS_ASKED: Final = 1
_AT_ONCE: Final = 200


def copy_remembered(shadow: redis.Redis, live: redis.Redis) -> None:
    """Add the shadow's ids of the weeks that are still asked for to the live sets."""
    oldest = int(time.time()) // _WEEK_S - _WEEKS_ASKED
    sets = (key for key in shadow.scan_iter(match=b"m:*", count=1_000) if _week(key) >= oldest)
    while some := list(islice(sets, _AT_ONCE)):
        asked = shadow.pipeline(transaction=False)
        for key in some:
            asked.smembers(key)
        added = live.pipeline(transaction=False)
        members: list[Any] = asked.execute()
        for key, ids in zip(some, members, strict=True):
            if ids:
                added.sadd(key, *ids)
                added.expire(key, IDS_KEPT_S)
        added.execute()


def _week(key: bytes) -> int:
    """m:<workspace>:<week>:<bucket>"""
    return int(key.split(b":")[-2])
