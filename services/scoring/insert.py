"""One insert into one table; rows that ClickHouse can not take are found by halving."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError

from services.common.failpoints import hit
from services.scoring.metrics import COLUMNS_INSERT_SECONDS, COLUMNS_INSERTS, COLUMNS_ROWS
from services.scoring.rows import TABLES
from services.scoring.waiting import Line

#: ClickHouse's error codes that say: these values do not fit. All others are the server's state.
#: Source: src/Common/ErrorCodes.cpp.
CODES_OF_ROWS: Final = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        25,  # CANNOT_PARSE_ESCAPE_SEQUENCE
        26,  # CANNOT_PARSE_QUOTED_STRING
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        32,  # ATTEMPT_TO_READ_AFTER_EOF
        33,  # CANNOT_READ_ALL_DATA
        36,  # BAD_ARGUMENTS
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        43,  # ILLEGAL_TYPE_OF_ARGUMENT
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE
        190,  # SIZES_OF_ARRAYS_DONT_MATCH
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        376,  # CANNOT_PARSE_UUID
        407,  # DECIMAL_OVERFLOW
        469,  # VIOLATED_CONSTRAINT
    }
)
#: Rows of one key are left for merges and FINAL to replace: looking for them in every insert, by
#: a merge of the block with itself, is half of what the insert costs.
INSERT_SETTINGS: Final[dict[str, Any]] = {"optimize_on_insert": 0}
DOES_NOT_FIT: Final = (pa.ArrowException, ValueError, TypeError, OverflowError)


class ArrowClient(Protocol):
    """What is used of a clickhouse_connect client."""

    def insert_arrow(self, table: str, arrow_table: Any, *, settings: dict[str, Any]) -> Any: ...


class Outage(Exception):  # noqa: N818 - it is a state of the world, not our error
    """ClickHouse did not take the rows, and that was not the rows' fault."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that does not fit its table, and why."""

    line: Line
    detail: str


class _RowsAtFaultError(Exception):
    """Some row of an insert does not fit."""


def insert(client: ArrowClient, table: str, lines: Sequence[Line]) -> list[Refused]:
    """Put all lines into the table but those that are refused. Outage: try all again later.

    Rows are absolute and versioned, so inserting some of them twice changes nothing. Each refused
    row costs about 2 log2(n) inserts.
    """
    try:
        _insert_all(client, table, lines)
    except _RowsAtFaultError as fault:
        if len(lines) == 1:
            return [Refused(lines[0], f"{table}: {fault}")]
        middle = len(lines) // 2
        return insert(client, table, lines[:middle]) + insert(client, table, lines[middle:])
    return []


def _insert_all(client: ArrowClient, table: str, lines: Sequence[Line]) -> None:
    hit("clickhouse_insert")
    try:
        rows = TABLES[table].arrow([line.row for line in lines])
    except DOES_NOT_FIT as error:
        raise _RowsAtFaultError(str(error)) from None
    started = time.monotonic()
    try:
        client.insert_arrow(table, rows, settings=INSERT_SETTINGS)
    except ClickHouseError as error:
        if getattr(error, "code", None) in CODES_OF_ROWS:
            raise _RowsAtFaultError(str(error)) from None
        raise Outage(f"insert into {table}: {error}") from error
    except (OSError, RuntimeError) as error:  # a connection that broke in the middle
        raise Outage(f"insert into {table}: {error}") from error
    COLUMNS_INSERT_SECONDS.labels(table).observe(time.monotonic() - started)
    COLUMNS_INSERTS.labels(table).inc()
    COLUMNS_ROWS.labels(table).inc(len(lines))
