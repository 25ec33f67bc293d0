"""A ClickHouse table as the columns write it: its name, and its columns as Arrow types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import accumulate, chain
from typing import Annotated, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

#: One row, its values in the order of the table's columns.
Row = tuple[Any, ...]
#: (table, row): what a message becomes.
Rows = Iterable[tuple[str, Row]]
#: (value of the record, ms since 1970 at which it was published) -> rows.
#: msgspec.DecodeError or ValueError when no row can be made of it.
Processor = Callable[[bytes, int], Rows]

TEXT: Final = pa.string()
TIME: Final = pa.timestamp("us", tz="UTC")
MOMENTS: Final = pa.map_(TEXT, TIME)
DAY: Final = pa.date32()
MONEY: Final = pa.decimal128(20, 4)
COUNT: Final = pa.uint64()
FLOAT: Final = pa.float64()
FLAG: Final = pa.bool_()
HEADERS: Final = pa.list_(pa.struct([("name", TEXT), ("value", TEXT)]))
IDENTIFIERS: Final = pa.list_(pa.struct([("kind", TEXT), ("value", TEXT)]))

#: Of a UUID only the length is looked at while reading; `Table.arrow` looks at a whole column.
Uuid = Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
UUID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
#: The columns of type UUID, in whichever table.
UUIDS: Final = frozenset(
    {"event_id", "profile_id", "merged_into", "alert_id", "cause_event_id"}
    | {"former", "letter_id", "run", "touchpoint_id", "account_profile_id"}
)
#: A moment as the schemas write it (ISO 8601, UTC, at most µs). `Table.arrow` reads a whole column
#: of them at once, which takes a seventh of what datetimes take.
Moment = Annotated[str, msgspec.Meta(min_length=20, max_length=32)]
YEAR_ONE_US: Final = -62_135_596_800_000_000
Version = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

MONEY_STEP: Final = Decimal("0.0001")
#: As many digits as any amount of the schemas has, and more than its column.
MONEY_DIGITS: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)


class Identifier(msgspec.Struct, frozen=True, gc=False):
    kind: str
    value: str


class Money(msgspec.Struct, frozen=True, gc=False):
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Table:
    """Columns are named one by one in every insert, so that a table may have more of them."""

    name: str
    schema: pa.Schema

    @classmethod
    def of(cls, name: str, /, **columns: pa.DataType) -> Table:
        return cls(name, pa.schema(list(columns.items())))

    def arrow(self, rows: Sequence[Row]) -> pa.Table:
        """The rows as one Arrow table. pa.ArrowException, ValueError, TypeError or OverflowError
        when a value does not fit its column."""
        columns = [
            _column(values, column)
            for values, column in zip(zip(*rows, strict=True), self.schema, strict=True)
        ]
        return pa.Table.from_arrays(columns, schema=self.schema)


def _column(values: Sequence[Any], column: pa.Field) -> pa.Array:
    if column.name in UUIDS:
        return _uuids(values)
    if column.type == TIME:
        return _moments(values)
    if column.type == MOMENTS:
        return _moments_by_name(values)
    if values.count(values[0]) == len(values):  # most columns of profiles say nothing
        if pa.types.is_nested(column.type):
            return pa.array(values, type=column.type) if values[0] else _empty(values, column.type)
        return pa.repeat(pa.scalar(values[0], type=column.type), len(values))
    return pa.array(values, type=column.type)


def _empty(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """So many empty lists or maps."""
    offsets = pa.repeat(pa.scalar(0, pa.int32()), len(values) + 1)
    if pa.types.is_map(kind):
        names, items = pa.array([], type=kind.key_type), pa.array([], type=kind.item_type)
        return pa.MapArray.from_arrays(offsets, names, items)
    return pa.ListArray.from_arrays(offsets, pa.array([], type=kind.value_type))


def _moments(values: Sequence[str | None]) -> pa.Array:
    moments = pc.cast(pa.array(values, type=TEXT), TIME)
    first = pc.min(moments).value
    if first is not None and first < YEAR_ONE_US:  # Arrow knows a year 0, the schemas do not
        raise ValueError("a moment lies before the year 1")
    return moments


def _moments_by_name(values: Sequence[Sequence[tuple[str, str]]]) -> pa.Array:
    pairs = list(chain.from_iterable(values))
    names = pa.array([name for name, _ in pairs], type=TEXT)
    offsets = pa.array(accumulate(map(len, values), initial=0), type=pa.int32())
    return pa.MapArray.from_arrays(offsets, names, _moments([moment for _, moment in pairs]))


def _uuids(values: Sequence[str | None]) -> pa.Array:
    texts = pa.array(values, type=TEXT)
    if pc.all(pc.match_substring_regex(texts, UUID_PATTERN)).as_py() is False:
        raise ValueError("a value is no UUID")
    return texts


def pairs(identifiers: Sequence[Identifier]) -> list[tuple[str, str]]:
    """As a column of identifiers takes them."""
    return [(one.kind, one.value) for one in identifiers]


def money(amount: Decimal | None) -> Decimal | None:
    """The amount with at most the four digits that the columns keep, halves to even."""
    if amount is None:
        return None
    if not amount.is_finite():
        raise ValueError(f"{amount} is no amount")
    return amount.quantize(MONEY_STEP, context=MONEY_DIGITS)
