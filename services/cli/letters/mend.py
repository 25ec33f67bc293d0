"""Mending refused calls by a rule: operations on paths of JSON. Pure: nothing is changed in place.

A path is names with dots between them; `*` stands for every element of a list. What an operation
does not fit is left as it is: the door judges the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

Path = tuple[str, ...]
Kind = Literal["number", "integer", "text", "boolean", "time"]
Change = Callable[[Any], Any]

#: Longer texts are left as they are: a pattern must end soon on each of thousands of letters.
MATCHED_CHARACTERS_MAX: Final = 256
#: Numbers above are milliseconds since 1970, those below seconds.
MILLISECONDS_FROM: Final = 100_000_000_000
_MISSING: Final = object()
_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?")
_BOOLEANS: Final = {"true": True, "false": False}


class Set(NamedTuple):
    """Put a value there, whatever was there; objects that are missing on the way are made."""

    path: Path
    value: Any


class Rename(NamedTuple):
    """Move a value. Where the new place is taken, both stay as they are."""

    path: Path
    to: Path


class Drop(NamedTuple):
    """Take a value away."""

    path: Path


class Cast(NamedTuple):
    """Make another kind of value of it, if it is one."""

    path: Path
    to: Kind


class Replace(NamedTuple):
    """Replace every match in a text."""

    path: Path
    pattern: str
    by: str


Operation = Set | Rename | Drop | Cast | Replace
Rule = tuple[Operation, ...]


def mended(call: Any, rule: Sequence[Operation]) -> Any:
    """The call after all operations, in their order."""
    for operation in rule:
        call = _done(call, operation)
    return call


def _done(call: Any, operation: Operation) -> Any:
    match operation:
        case Set(path, value):
            return _changed(call, path, lambda _: value, {})
        case Rename(path, to):
            return _renamed(call, path, to)
        case Drop(path):
            return _changed(call, path, lambda _: _MISSING, _MISSING)
        case Cast(path, kind):
            return _changed(call, path, CASTS[kind], _MISSING)
        case Replace(path, pattern, by):
            return _changed(call, path, _replacing(pattern, by), _MISSING)


def _changed(value: Any, path: Path, change: Change, absent: Any) -> Any:
    """A copy with what is at the path changed. `absent`: what stands for an object on the way that
    is missing; a change that is given _MISSING may give it back."""
    if not path:
        return change(value)
    value = absent if value is _MISSING else value
    step, rest = path[0], path[1:]
    if isinstance(value, list) and step == "*":
        changed = [_changed(each, rest, change, absent) for each in value]
        return [each for each in changed if each is not _MISSING]
    if not isinstance(value, dict):
        return value
    new = _changed(value.get(step, _MISSING), rest, change, absent)
    if new is _MISSING:
        return {name: each for name, each in value.items() if name != step}
    return {**value, step: new}


def _renamed(call: Any, path: Path, to: Path) -> Any:
    """Moved within each object that the path's last `*` stands for."""
    shared = len(path) - path[::-1].index("*") if "*" in path else 0
    old, new = path[shared:], to[shared:]
    return _changed(call, path[:shared], lambda parent: _moved(parent, old, new), _MISSING)


def _moved(parent: Any, old: Path, new: Path) -> Any:
    value = _found(parent, old)
    if value is _MISSING or _found(parent, new) is not _MISSING:
        return parent
    without = _changed(parent, old, lambda _: _MISSING, _MISSING)
    moved = _changed(without, new, lambda _: value, {})
    return parent if _found(moved, new) is _MISSING else moved


def _found(value: Any, path: Path) -> Any:
    for step in path:
        if not isinstance(value, dict):
            return _MISSING
        value = value.get(step, _MISSING)
    return value


def _number(value: Any) -> Any:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value.strip()):
        return value
    text = value.strip()
    number = float(text) if set(text) & set(".eE") else int(text)
    return number if abs(number) < 10**300 else value


def _integer(value: Any) -> Any:
    number = _number(value)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    return value if isinstance(number, float) else number


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _boolean(value: Any) -> Any:
    return _BOOLEANS.get(value.strip().lower(), value) if isinstance(value, str) else value


def _time(value: Any) -> Any:
    """RFC 3339 of the seconds or milliseconds since 1970."""
    number = _number(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return value
    seconds = number / 1_000 if abs(number) >= MILLISECONDS_FROM else number
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return value


CASTS: Final[dict[Kind, Change]] = {
    "number": _number,
    "integer": _integer,
    "text": _text,
    "boolean": _boolean,
    "time": _time,
}


def _replacing(pattern: str, by: str) -> Change:
    compiled = re.compile(pattern)

    def replaced(value: Any) -> Any:
        fits = isinstance(value, str) and len(value) <= MATCHED_CHARACTERS_MAX
        return compiled.sub(by, value) if fits else value

    return replaced
