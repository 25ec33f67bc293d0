"""Rules as people write them: a YAML file or options → operations, or what is wrong with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path as File
from typing import Any, Final

import msgspec
import yaml

from services.cli.letters.mend import CASTS, Cast, Drop, Operation, Path, Rename, Replace
from services.cli.letters.mend import Set as SetValue
from services.common.masking import masked

STEPS_MAX: Final = 30
OPERATIONS_MAX: Final = 100
PATTERN_CHARACTERS_MAX: Final = 200
RULE_BYTES_MAX: Final = 100_000
VALUES_MAX: Final = 10_000
#: Of `*`, `+`, `?` and `{}`: with more of them a pattern may try for minutes.
REPEATS_MAX: Final = 2
#: What events are named by. With one value for all of them they would all be one event.
NAMES: Final = frozenset({("messageId",), ("uuid",), ("properties", "$insert_id")})

_ESCAPED: Final = re.compile(r"\\.", re.DOTALL)
_CLASS: Final = re.compile(r"\[[^\]]*\]")
_REPEAT: Final = re.compile(r"[*+?]|\{\d*,?\d*\}")


class BadRule(Exception):  # noqa: N818 - it is about the rule
    """A rule that says nothing sensible. The text says what, where and how to mend it."""


def rule_of_file(file: File) -> list[Operation]:
    """The operations of a YAML file."""
    try:
        text = file.read_bytes()[:RULE_BYTES_MAX]
        listed = yaml.safe_load(text)
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadRule(f"{file}: {error}") from None
    if _has_more_than(VALUES_MAX, listed):
        raise BadRule(
            f"{file}: more than {VALUES_MAX} values; what *alias stands for counts each time"
        )
    if not isinstance(listed, list) or not 0 < len(listed) <= OPERATIONS_MAX:
        raise BadRule(f"{file}: write a list of 1 to {OPERATIONS_MAX} operations, each after a `-`")
    operations = []
    for number, one in enumerate(listed, 1):
        try:
            operations.append(_operation(one))
        except BadRule as error:
            raise BadRule(f"{file}: operation {number}: {error}") from None
    return operations


def rule_of_options(
    renames: Iterable[str], sets: Iterable[str], casts: Iterable[str], drops: Iterable[str]
) -> list[Operation]:
    """The operations of --rename, --set, --cast and --drop, in this order."""
    return [
        *(_rename(*_halves(one, "--rename old=new")) for one in renames),
        *(
            _set(path, _value(text))
            for path, text in (_halves(o, "--set path=value") for o in sets)
        ),
        *(_cast(*_halves(one, "--cast path=number")) for one in casts),
        *(Drop(path_of(one)) for one in drops),
    ]


def told(rule: Sequence[Operation]) -> str:
    """The rule in one line, for the record of what was done; personal data masked."""
    return masked("; ".join(map(_told, rule)))[:2_000]


def path_of(text: Any) -> Path:
    """The steps of a path; a dot within a name is written as \\. ."""
    if not isinstance(text, str):
        raise BadRule(f"a path is a text such as properties.total, not {text!r}")
    steps = [""]
    for sign in re.findall(r"\\?.", text, re.DOTALL):
        if sign == ".":
            steps.append("")
        else:
            steps[-1] += sign[-1]
    if not 0 < len(steps) <= STEPS_MAX or "" in steps:
        raise BadRule(f"no path: {text[:200]!r}; write names with dots between them")
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise BadRule(f"no path: {text[:200]!r} is not all text")
    return tuple(steps)


def _has_more_than(most: int, value: Any) -> bool:
    """Also of a value that is within itself."""
    waiting, seen = [value], 0
    while waiting and seen <= most:
        seen += 1
        one = waiting.pop()
        if isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one
    return seen > most


def _operation(one: Any) -> Operation:
    if not isinstance(one, dict) or len(one) != 1:
        raise BadRule(f"write one of {', '.join(_READERS)} and its fields, e.g. {_EXAMPLE}")
    [(name, fields)] = one.items()
    if name not in _READERS:
        raise BadRule(f"no operation {name!r}; there are {', '.join(_READERS)}")
    wanted, read = _READERS[name]
    if not isinstance(fields, dict) or set(fields) != set(wanted):
        raise BadRule(f"{name} takes exactly {', '.join(wanted)}, e.g. {_EXAMPLE}")
    return read(*(fields[field] for field in wanted))


def _set(path: Any, value: Any) -> SetValue:
    where = path_of(path)
    _names_nothing(where)
    try:
        json.dumps(value, allow_nan=False)
        msgspec.json.encode(value)  # is what writes it; it knows no half of a surrogate pair
    except (TypeError, ValueError, RecursionError):
        raise BadRule(f"set {path}: {value!r} is no JSON value; put quotes around it") from None
    return SetValue(where, value)


def _rename(path: Any, to: Any) -> Rename:
    old, new = path_of(path), path_of(to)
    _names_nothing(new)
    shared = len(old) - old[::-1].index("*") if "*" in old else 0
    if old[:shared] != new[:shared] or "*" in new[shared:] or shared == len(old):
        raise BadRule(f"rename {path}: both paths need the same names up to their last *")
    if old[: len(new)] == new or new[: len(old)] == old:
        raise BadRule(f"rename {path}: {to} is the same place, or one within the other")
    return Rename(old, new)


def _cast(path: Any, to: Any) -> Cast:
    if not isinstance(to, str) or to not in CASTS:
        raise BadRule(f"cast {path}: no kind {to!r}; there are {', '.join(CASTS)}")
    return Cast(path_of(path), to)


def _replace(path: Any, pattern: Any, by: Any) -> Replace:
    if not isinstance(pattern, str) or not isinstance(by, str):
        raise BadRule(f"replace {path}: pattern and by are texts")
    bare = _CLASS.sub("x", _ESCAPED.sub("x", pattern))
    repeats = _REPEAT.findall(bare)
    if len(pattern) > PATTERN_CHARACTERS_MAX or len(repeats) > REPEATS_MAX:
        raise BadRule(
            f"replace {path}: at most {PATTERN_CHARACTERS_MAX} characters and {REPEATS_MAX} of"
            " * + ? {} in a pattern, so that it ends soon on every letter"
        )
    if re.search(r"\)\s*(?:[*+?{])", bare) or "(?" in bare or re.search(r"\\[1-9]", pattern):
        raise BadRule(f"replace {path}: no group may be repeated, referred to or begin with (?")
    try:
        re.sub(pattern, by, "")
        by.encode()
        pattern.encode()
    except (re.error, IndexError, OverflowError, RecursionError, UnicodeEncodeError) as error:
        raise BadRule(f"replace {path}: {pattern!r} is no pattern: {error}") from None
    where = path_of(path)
    return Replace(where, pattern, by)


def _names_nothing(path: Path) -> None:
    if path in NAMES:
        name = ".".join(path)
        raise BadRule(f"{name} names the event: with one value for all they would become one event")


def _halves(text: str, example: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not equals:
        raise BadRule(f"{text!r} has no =; write {example}")
    return left, right


def _value(text: str) -> Any:
    """JSON if it is some, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _told(operation: Operation) -> str:
    match operation:
        case SetValue(path, value):
            return f"set {'.'.join(path)} to {json.dumps(value, ensure_ascii=False)}"
        case Rename(path, to):
            return f"rename {'.'.join(path)} to {'.'.join(to)}"
        case Drop(path):
            return f"drop {'.'.join(path)}"
        case Cast(path, kind):
            return f"cast {'.'.join(path)} to {kind}"
        case Replace(path, pattern, by):
            return f"replace {pattern!r} in {'.'.join(path)} by {by!r}"


_EXAMPLE: Final = "`- cast: {path: properties.total, to: number}`"
_READERS: Final[dict[str, tuple[tuple[str, ...], Callable[..., Operation]]]] = {
    "set": (("path", "value"), _set),
    "rename": (("path", "to"), _rename),
    "drop": (("path",), lambda path: Drop(path_of(path))),
    "cast": (("path", "to"), _cast),
    "replace": (("path", "pattern", "by"), _replace),
}
