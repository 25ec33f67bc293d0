"""A column of a row: what it holds, or that it holds nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Row = Mapping[str, Any]
#: Takes a row and gives a value, MISSING, or a Refusal that names the column.
Reader = Callable[[Row], Any]

#: No value: the column is not there, empty, null or not a number (NaN).
MISSING: Final = object()


def column(name: str) -> Reader:
    """The value of a column; a name with dots, that is no column's, leads into what is nested."""
    if "." in name:
        return _nested(name)

    def read(row: Row) -> Any:
        value = row.get(name)
        return MISSING if value is None or value == "" or _is_nan(value) else value

    return read


def text_of(value: Any) -> str:
    """One spelling for what is the same: 5, 5.0 and "5"; true and True."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _nested(name: str) -> Reader:
    path = name.split(".")

    def read(row: Row) -> Any:
        found: Any = row.get(name)
        if found is None:
            found = row
            for part in path:
                found = _inside(found, part)
        return MISSING if found is None or found == "" or _is_nan(found) else found

    return read


def _is_nan(value: Any) -> bool:
    return type(value) is float and value != value


def _inside(found: Any, part: str) -> Any:
    if isinstance(found, Mapping):
        return found.get(part)
    if isinstance(found, list) and part.isdecimal() and int(part) < len(found):
        return found[int(part)]
    return None
