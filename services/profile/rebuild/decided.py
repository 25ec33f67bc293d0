"""How far all was read when profile let somebody's erasure, or their return, take effect.

What names the erased and somebody else counts for the other one if it came before. Partitions have
no order among them, so profile's commit has noted it (services/profile/controls.py: Ordered.note)
in Redis, and the erasure keeps it on its topic, which stays where Redis is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, Final

import msgspec
import redis

from schemas.erasure import ReadUpTo
from schemas.topics import ERASURES
from services.common.redis_store import decided_key
from services.common.settings import Settings
from services.common.staged_log import Stage, stage_of
from services.common.topic_log import topic_log
from services.profile.controls import note_name
from services.profile.stream import SERVICE

KEY: Final = decided_key(SERVICE.encode())


class _Erasure(msgspec.Struct):
    """schemas.erasure.Erasure, as far as it says when it took effect."""

    erasure_id: str
    version: int
    taken_out: tuple[_ReadUpTo, ...] = ()
    let_in: tuple[_ReadUpTo, ...] = ()


class _ReadUpTo(msgspec.Struct):
    """schemas.erasure.ReadUpTo."""

    partition: int
    before: int
    after: int


class Decided:
    """`told`: what the topic says; what Redis has noted besides is looked up as it grows."""

    def __init__(self, live: redis.Redis, told: Mapping[bytes, Stage]) -> None:
        self._live = live
        self._told = told
        self._known = -1
        self._stages: list[Stage] = []

    def stages(self) -> list[Stage]:
        """All by now. Ask behind the positions that are read to: a note is as old as those."""
        noted: Any = self._live.hlen(KEY)
        if noted != self._known:
            found: Any = self._live.hgetall(KEY)
            self._known = len(found)
            stages = {name: stage_of(note) for name, note in found.items()} | dict(self._told)
            self._stages = list(stages.values())
        return self._stages


def told_of_erasures(settings: Settings) -> dict[bytes, Stage]:
    """What the topic erasures says, the newest of each. NotRead."""
    with closing(topic_log(settings, ERASURES.name)) as source:
        return stages_told(message.value() or b"" for message in source.to_the_end())


def stages_told(values: Iterable[bytes]) -> dict[bytes, Stage]:
    """The same of records' values; what is no erasure is skipped."""
    newest: dict[str, _Erasure] = {}
    for value in values:
        try:
            one = msgspec.json.decode(value, type=_Erasure)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        known = newest.get(one.erasure_id)
        if known is None or known.version <= one.version:
            newest[one.erasure_id] = one
    told = {}
    for id, one in newest.items():
        for control, read in (("erase", one.taken_out), ("lift", one.let_in)):
            if read:
                told[note_name(id, control)] = _stage(read)
    return told


def _stage(read: Iterable[_ReadUpTo]) -> Stage:
    places = list(read)
    return Stage(
        {one.partition: one.before for one in places if one.before},
        {one.partition: one.after for one in places if one.after},
    )


def read_up_to(live: redis.Redis, erasure_id: str, control: str) -> tuple[ReadUpTo, ...]:
    """What profile has noted of a control of an erasure, as the erasure keeps it; none: nothing."""
    note: Any = live.hget(KEY.decode(), note_name(erasure_id, control).decode())
    if note is None:
        return ()
    stage = stage_of(note)
    return tuple(
        ReadUpTo(partition=p, before=stage.before.get(p, 0), after=after)
        for p, after in sorted(stage.after.items())
    )
