"""A mapping: how the rows of a file, a table or a foreign event become calls.

A file of the workspace's folder, mappings/<name>.yaml. Wherever a value comes from a column, the
column's name alone will do. Names with dots lead into what is nested, in rows and in calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from schemas.money import Currency
from services.common.workspace_parts import Part, broken

Column = Annotated[str, Field(min_length=1)]
CallType = Literal["track", "identify", "page", "screen", "group", "alias"]
CellType = Literal["text", "number", "integer", "boolean", "time", "money"]
Operation = Literal["c", "u", "r", "d"]
Plain = str | int | float | bool

#: How a moment is written, beside what strptime reads: RFC 3339, or so many units since 1970.
TIME_FORMATS: Final = ("iso", "s", "ms", "us", "ns", "days")
_OF_TRAITS: Final = ("identify", "group", "alias")


class TimeCell(Part):
    """A column with a moment. `format`: one of TIME_FORMATS, or a strptime pattern; `zone`: that of
    moments which bring none."""

    column: str = Field(min_length=1)
    format: str = "iso"
    zone: str = "UTC"

    @model_validator(mode="after")
    def _readable(self) -> Self:
        _check_time(self)
        return self


class Cell(Part):
    """Where one value comes from: a column, or a constant. Without a type it stays as it is.

    `currency`: that of money, else `currency_column` says it, else the workspace; `format` and
    `zone`: of a time, as in TimeCell.
    """

    column: str | None = Field(default=None, min_length=1)
    value: Plain | None = None
    type: CellType | None = None
    currency: Currency | None = None
    currency_column: str | None = Field(default=None, min_length=1)
    format: str = "iso"
    zone: str = "UTC"

    @model_validator(mode="after")
    def _of_one_place(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise broken("column", "and `value` are not just one", "write either of the two")
        for name in ("currency", "currency_column"):
            if getattr(self, name) is not None and self.type != "money":
                raise broken(name, "is of money only", "write `type: money`, or take it out")
        _check_time(self)
        return self


class EventName(Part):
    """The name of a tracked event: always the same, or what a column says."""

    name: str | None = Field(default=None, min_length=1)
    column: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _of_one_place(self) -> Self:
        if (self.name is None) == (self.column is None):
            raise broken("name", "and `column` are not just one", "write either of the two")
        return self


class Csv(Part):
    """How a CSV file is written. The first row names the columns."""

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: Literal["utf-8", "utf-16", "latin-1", "cp1252", "gb18030", "big5", "shift_jis"] = (
        "utf-8"
    )


class CloudEvents(Part):
    """The CloudEvents that a mapping is for; their data is the row."""

    type: str = Field(min_length=1)


class Debezium(Part):
    """The change events that a mapping is for; the row is what it is after the change, or was
    before it is deleted. `table`: its name, alone or behind its schema, database or both.
    `changed`: only updates that change one of these columns, as far as the event tells."""

    table: str = Field(min_length=1)
    ops: tuple[Operation, ...] = Field(default=("c", "u", "r"), min_length=1)
    changed: tuple[str, ...] = ()


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    """One value is a list of one."""
    if not isinstance(value, dict):
        return value
    return {name: one if isinstance(one, list) else [one] for name, one in value.items()}


AnyCell = Annotated[Cell, BeforeValidator(_column)]
AnyTime = Annotated[TimeCell, BeforeValidator(_column)]
AnyName = Annotated[EventName, BeforeValidator(_name)]
Cells = dict[str, AnyCell]


class RowMapping(Part):
    """One row as one call.

    `only`: rows whose columns have one of these values; others are passed over. `key`: the columns
    that name the row, so that it is the same one whenever it comes again; without: all of it.
    `traits` of a track, page or screen call describe the person (context.traits).
    """

    call: CallType
    event: AnyName | None = None
    user_id: AnyCell | None = None
    anonymous_id: AnyCell | None = None
    email: AnyCell | None = None
    phone: AnyCell | None = None
    group_id: AnyCell | None = None
    previous_id: AnyCell | None = None
    time: AnyTime | None = None
    properties: Cells = Field(default_factory=dict)
    traits: Cells = Field(default_factory=dict)
    context: Cells = Field(default_factory=dict)
    only: Annotated[dict[str, tuple[Plain, ...]], BeforeValidator(_listed)] = Field(
        default_factory=dict
    )
    key: tuple[Column, ...] = ()
    csv: Csv = Csv()
    cloudevents: CloudEvents | None = None
    debezium: Debezium | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """The call has what its kind needs, and nothing that is not read of it."""
        if (self.event is None) == (self.call == "track"):
            what = "is missing" if self.event is None else f"is not read of {self.call} calls"
            raise broken("event", what, "a track call has one, the others have none")
        if self.properties and self.call in _OF_TRAITS:
            raise broken("properties", f"are not read of {self.call} calls", "write `traits`")
        for field, call in (("group_id", "group"), ("previous_id", "alias")):
            if (getattr(self, field) is None) == (self.call == call):
                raise broken(field, f"belongs to {call} calls", f"an {call} call needs it")
        if not any((self.user_id, self.anonymous_id, self.email, self.phone)):
            mend = "name a column for `user_id`, `anonymous_id`, `email` or `phone`"
            raise broken("user_id", "is missing, and whatever else could name somebody", mend)
        for field in ("properties", "traits", "context"):
            _apart(field, getattr(self, field))
        return self

    def columns(self) -> tuple[str, ...]:
        """Every column that the mapping reads, each once."""
        names = (self.user_id, self.anonymous_id, self.email, self.phone)
        cells = [*names, self.group_id, self.previous_id]
        for some in (self.properties, self.traits, self.context):
            cells += some.values()
        found: list[str | None] = [self.event.column] if self.event else []
        for cell in cells:
            found += [cell.column, cell.currency_column] if cell else []
        found += [self.time.column] if self.time else []
        found += [*self.only, *self.key]
        return tuple(dict.fromkeys(name for name in found if name))


def _apart(field: str, names: Iterable[str]) -> None:
    """No target is inside another one, and no part of a path is empty."""
    paths = [tuple(name.split(".")) for name in names]
    known = set(paths)
    for path in paths:
        name = ".".join(path)
        if "" in path:
            raise broken(field, f"has {name!r}, with nothing between dots", "take a dot out")
        for size in range(1, len(path)):
            if path[:size] in known:
                outer = ".".join(path[:size])
                raise broken(field, f"has {name!r} inside {outer!r}", "keep one of them")


def _check_time(cell: TimeCell | Cell) -> None:
    try:
        ZoneInfo(cell.zone)
    except (OSError, ValueError, KeyError):
        raise broken("zone", f"is {cell.zone!r}", "write one like Europe/Berlin") from None
    if cell.format in TIME_FORMATS:
        return
    try:
        if "%" not in cell.format:
            raise ValueError
        datetime.strptime(datetime(2000, 12, 31).strftime(cell.format), cell.format)
    except (ValueError, re.error):  # re.error: something of it stands there twice
        mend = f"write {', '.join(TIME_FORMATS)} or a pattern like %d.%m.%Y %H:%M"
        raise broken("format", f"is {cell.format!r}", mend) from None
