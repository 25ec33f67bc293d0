"""A ClickHouse table as the columns write it: its name, and its columns as Arrow types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, Final

import msgspec
import pyarrow as pa

#: One row, its values in the order of the table's columns.
Row = tuple[Any, ...]
#: (table, row): what a message becomes.
Rows = Iterable[tuple[str, Row]]
#: (value of the record, ms since 1970 at which it was published) -> rows.
#: msgspec.DecodeError or ValueError when no row can be made of it.
Processor = Callable[[bytes, int], Rows]

TEXT: Final = pa.string()
TIME: Final = pa.timestamp("us", tz="UTC")
DAY: Final = pa.date32()
MONEY: Final = pa.decimal128(20, 4)
COUNT: Final = pa.uint64()
FLOAT: Final = pa.float64()
FLAG: Final = pa.bool_()
IDENTIFIERS: Final = pa.list_(pa.struct([("kind", TEXT), ("value", TEXT)]))

Uuid = Annotated[
    str, msgspec.Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
Version = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

MONEY_STEP: Final = Decimal("0.0001")
MONEY_EXPONENT: Final = -4


class Identifier(msgspec.Struct, frozen=True):
    kind: str
    value: str

    def pair(self) -> tuple[str, str]:
        return self.kind, self.value


class Money(msgspec.Struct, frozen=True):
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
            pa.array(values, type=column.type)
            for values, column in zip(zip(*rows, strict=True), self.schema, strict=True)
        ]
        return pa.Table.from_arrays(columns, schema=self.schema)


def money(amount: Decimal | None) -> Decimal | None:
    """The amount with at most the four digits that the columns keep, halves to even."""
    if amount is None:
        return None
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, str):
        raise ValueError(f"{amount} is no amount")
    if exponent < MONEY_EXPONENT:
        return amount.quantize(MONEY_STEP, rounding=ROUND_HALF_EVEN)
    return amount
