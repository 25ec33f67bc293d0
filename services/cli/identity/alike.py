"""Which older rules show people as the former ones do, so that a change leaves them alone.

A change of rules decides only on whom it makes look different; all others keep the mark of the
rules by which they were shown. That they look alike by both is noted here, so that the next change
compares them as well, rather than have everybody decided on who was left alone by this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import redis

from services.profile.domain.rules import Rules

#: Whoever still decides by older rules may have a clock that is so much behind.
CLOCKS_APART_US: Final = 10_000_000
#: Marks that are kept, the newest.
MARKS_MAX: Final = 100

#: Mark of rules -> the components that were shown by them at a version (µs) below look alike.
Alike = dict[int, int]


class _Noted(msgspec.Struct):
    """By the rules with this mark those of the other marks look as they were shown."""

    mark: int
    alike: Alike


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Noted).decode


def alike_by(client: redis.Redis, workspace: str, rules: Rules) -> Alike:
    """What was noted of these rules."""
    value: bytes | None = client.get(_key(workspace))  # type: ignore[assignment]
    noted = None if value is None else _decode(value)
    return {} if noted is None or noted.mark != rules.mark else noted.alike


def note(client: redis.Redis, workspace: str, rules: Rules, alike: Mapping[int, int]) -> None:
    """Everybody looks as by these rules, who was shown by them or, earlier, by those."""
    newest = sorted(alike.items(), key=lambda one: one[1])[-MARKS_MAX:]
    kept = {mark: below for mark, below in newest if mark != rules.mark}
    client.set(_key(workspace), _encode(_Noted(rules.mark, kept)))


def _key(workspace: str) -> bytes:
    return b"ir:" + workspace.encode()
