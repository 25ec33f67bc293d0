"""Parquet files of the fuzzer's making: bytes alone would never get past a footer.

Whole ones hold columns of any type and value, as JSON says them; damaged ones are whole ones with
some bytes of their pages and footers changed, cut out or put in twice.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_MAX: Final = 200
#: What the mapping that reads them needs, where the input does not say it.
COLUMNS: Final[Mapping[str, Any]] = {
    "order_no": ["SO-1"], "customer": ["c1"], "mail": ["ann@x.example"], "phone": [None],
    "visitor": ["v"], "at": ["2020-07-01T12:00:00"], "amount": ["12.50"], "currency": ["EUR"],
    "count": ["3"], "paid": ["yes"], "due": [None], "status": ["paid"], "item": [{"sku": "CD"}],
}  # fmt: skip
_INNER: Final = pa.struct([("sku", pa.string()), ("city", pa.timestamp("ns"))])
TYPES: Final[Mapping[str, pa.DataType]] = {
    "text": pa.string(), "large text": pa.large_string(), "bytes": pa.binary(),
    "fixed": pa.binary(4), "int8": pa.int8(), "uint64": pa.uint64(), "int64": pa.int64(),
    "half": pa.float16(), "float": pa.float32(), "double": pa.float64(), "bool": pa.bool_(),
    "day": pa.date32(), "day ms": pa.date64(), "time s": pa.time32("s"), "time us": pa.time64("us"),
    "time ns": pa.time64("ns"), "s": pa.timestamp("s"), "ms": pa.timestamp("ms"),
    "us": pa.timestamp("us"), "ns": pa.timestamp("ns"), "us utc": pa.timestamp("us", "UTC"),
    "ms zone": pa.timestamp("ms", "Europe/Berlin"), "ns offset": pa.timestamp("ns", "+05:30"),
    "no zone": pa.timestamp("us", "Nowhere/Land"), "duration": pa.duration("ns"),
    "decimal": pa.decimal128(38, 10), "large decimal": pa.decimal256(76, 0), "null": pa.null(),
    "list": pa.list_(pa.string()), "times": pa.list_(pa.timestamp("ns", "UTC")), "item": _INNER,
    "map": pa.map_(pa.string(), pa.int64()), "named": pa.dictionary(pa.int32(), pa.string()),
}  # fmt: skip


def whole(spec: Any) -> bytes:
    """The file that a JSON object says: {"columns": [[name, type, values]], "compression": ...}."""
    said = spec if isinstance(spec, dict) else {}
    columns: dict[str, Any] = {}
    listed = said.get("columns")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, list) and len(each) == 3 and isinstance(each[2], list):
            kind = TYPES.get(each[1]) if isinstance(each[1], str) else None
            columns[_name(each[0])] = _column(each[2], kind or pa.string())
    for name, values in COLUMNS.items():
        columns.setdefault(name, pa.array(values))
    rows = min(ROWS_MAX, max(len(column) for column in columns.values()))
    table = pa.table({name: _filled(column, rows) for name, column in columns.items()})
    out, packed = io.BytesIO(), said.get("compression")
    pq.write_table(
        table,
        out,
        compression=packed if packed in ("snappy", "gzip", "zstd", "lz4") else "none",
        use_dictionary=bool(said.get("dictionary")),
        data_page_version="2.0" if said.get("v2") else "1.0",
        row_group_size=7 if said.get("groups") else ROWS_MAX,
    )
    return out.getvalue()


def damaged(data: bytes) -> bytes:
    """A whole file, the first byte says which, changed where the others say."""
    file = bytearray(WHOLE[data[0] % len(WHOLE)] if data else b"")
    for at in range(1, len(data) - 3, 4):
        place, how, value = int.from_bytes(data[at : at + 2], "big"), data[at + 2], data[at + 3]
        place = place % (len(file) - 8) + 4  # the magic numbers stay
        place = len(file) - 4 - place % 600 if how & 1 and len(file) > 700 else place  # the footer
        match how >> 1 & 3:
            case 0 | 1:
                file[place] = value
            case 2:
                del file[place : place + value]
            case _:
                file[place:place] = file[place : place + value]
        if len(file) < 12:
            break
    return bytes(file)


def _name(said: Any) -> str:
    return str(said)[:100].encode("utf-8", "replace").decode()


def _column(values: Iterable[Any], kind: pa.DataType) -> Any:
    """Of that type if the values are some; whole numbers are any moment of it."""
    values = list(values)[:ROWS_MAX]
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError, AttributeError):
        pass
    numbers = [one if type(one) is int and abs(one) < 2**63 else len(str(one)) for one in values]
    try:
        return pa.array(numbers, pa.int64() if kind.bit_width == 64 else pa.int32()).view(kind)
    except (pa.ArrowException, OverflowError, ValueError):
        texts = [json.dumps(one).encode()[:50] for one in values]
        return pa.array(texts, pa.binary()) if kind == pa.binary() else pa.nulls(len(values), kind)


def _filled(column: Any, rows: int) -> Any:
    """Of so many rows: its own over and over, or none of it."""
    if len(column) == 0:
        return pa.nulls(rows, column.type)
    return pa.concat_arrays([column] * (rows // len(column) + 1)).slice(0, rows)


def _of_all_types(**more: Any) -> bytes:
    numbers = [0, 1, -1, None, 2**31 - 1]
    columns = [[f"x {name}", name, numbers] for name in TYPES if name != "no zone"]
    return whole(
        {"columns": [["order_no", "text", [f"SO-{n}" for n in range(20)]], *columns]} | more
    )


#: What `damaged` damages.
WHOLE: Final = (
    whole({}),
    whole({"dictionary": True, "compression": "snappy", "groups": True}),
    _of_all_types(),
    _of_all_types(v2=True, compression="zstd", dictionary=True),
    _of_all_types(v2=True, groups=True),
    _of_all_types(compression="gzip", dictionary=True),
)

_VALUES: Final = [0, -1, 1593604800000, 2**62, -(2**63) + 1, None]
SPECS: Final = (
    {"columns": [["at", "ns", _VALUES], ["due", "us", _VALUES]], "compression": "snappy"},
    {"columns": [["amount", "decimal", ["1.5", None]], ["at", "ms zone", _VALUES]], "v2": True},
    {"columns": [["paid", "bool", [True]], ["count", "uint64", [1]], ["at", "day", _VALUES]]},
    {"columns": [["item", "item", [{"sku": "a"}]], ["due", "times", [[0]]]], "dictionary": True},
    {"columns": [["amount", "double", [1.5, None]], ["mail", "bytes", ["a"]]], "groups": True},
    {"columns": [["at", "duration", _VALUES], ["customer", "named", ["a", "b"]]]},
)
