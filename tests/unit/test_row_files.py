"""CSV, JSON lines and Parquet give the same rows, from any row on; a bad one spoils itself only."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.common.workspace import RowMapping
from services.ingest.domain.refusal import Refusal
from services.ingest.row_files import BATCH_ROWS, FileProblem, NumberedRow, open_rows
from tests.unit.mapping_builders import mapping

READS: dict[str, Any] = {"email": None, "time": None, "properties": {"n": "n"}, "user_id": "who"}


def as_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_json(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def as_gzip(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_bytes(gzip.compress(as_json(path, rows).read_bytes()))
    return path


def as_parquet(path: Path, rows: list[dict[str, str]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=700)
    return path


FORMATS: dict[str, Callable[[Path, list[dict[str, str]]], Path]] = {
    "rows.csv": as_csv,
    "rows.jsonl": as_json,
    "rows.ndjson.gz": as_gzip,
    "rows.parquet": as_parquet,
}


def read(path: Path, after: int = 0, reads: RowMapping | None = None) -> list[NumberedRow]:
    with open_rows(path, "orders", reads or mapping(**READS)) as rows:
        return [row for batch in rows.batches(after) for row in batch]


@pytest.mark.parametrize("after", [0, 1, 699, 700, 701, BATCH_ROWS, 4_999, 5_000])
@pytest.mark.parametrize("name", FORMATS)
def test_every_kind_of_file_gives_its_rows_from_anywhere(
    tmp_path: Path, name: str, after: int
) -> None:
    rows = [{"n": f"{n}", "who": f"c,{n}\n"} for n in range(5_000)]
    found = read(FORMATS[name](tmp_path / name, rows), after)
    assert [one.row for one in found] == rows[after:]
    assert [one.number for one in found] == list(range(after + 1, 5_001))


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_read_to_its_end(tmp_path: Path, name: str) -> None:
    path = FORMATS[name](tmp_path / name, [{"n": "1", "who": "x"}])
    with open_rows(path, "orders", mapping(**READS)) as rows:
        assert len(list(rows.batches(0))) == 1
        assert rows.share_read() == 1.0


def test_a_row_that_is_none_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xef\xbb\xbfn,who\n1,a\n2\n\n3,b,c\n4,\xff\n5,e\n")
    found = read(path)
    good = [one.row["n"] for one in found if not isinstance(one.row, Refusal)]
    assert good == ["1", "4", "5"]
    assert [one.row.detail for one in found if isinstance(one.row, Refusal)] == [
        "1 values for 2 columns",
        "3 values for 2 columns",
    ]
    lines = tmp_path / "rows.jsonl"
    lines.write_bytes(b'{"n": 1}\n\n[1]\n{"n"\n' + b"[" * 5_000 + b'\n{"n": 2}\n')
    found = read(lines)
    assert [one.number for one in found] == [1, 3, 4, 5, 6]
    assert [isinstance(one.row, Refusal) for one in found] == [False, True, True, True, False]


def test_a_csv_file_is_written_as_the_mapping_says(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("n;who\n1;Jürgen\n".encode("cp1252"))
    layout = {"delimiter": ";", "encoding": "cp1252"}
    assert read(path, reads=mapping(**READS, csv=layout))[0].row == {"n": "1", "who": "Jürgen"}


def test_parquet_brings_moments_and_reads_only_what_a_key_allows(tmp_path: Path) -> None:
    at = pa.array([1_593_604_800_123_456_789], pa.timestamp("ns", "America/Bogota"))
    table = pa.table({"n": [1], "who": ["x"], "at": at, "more": ["y"]})
    pq.write_table(table, tmp_path / "rows.parquet")
    moment = datetime(2020, 7, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    row = {"n": 1, "who": "x", "at": moment, "more": "y"}
    assert read(tmp_path / "rows.parquet")[0].row == row
    assert read(tmp_path / "rows.parquet", reads=mapping(**READS, key=["n"]))[0].row == {
        "n": 1,
        "who": "x",
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.csv", b"n,why\n1,2\n", "the file has no column who; it has n, why. mend mappings/o"),
        ("rows.csv", b"n,who,n\n", "has column n twice"),
        ("rows.csv", b"", "it has none"),
        ("rows.xlsx", b"", "of no known kind; its name ends in .csv"),
        ("rows.parquet", b"no parquet", "rows.parquet can not be read"),
        ("rows.jsonl", b"x" * 1_000_001, "line 1 has more than 1000000 bytes"),
        ("rows.jsonl.gz", b"no gzip", "rows.jsonl.gz can not be read"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileProblem) as raised:
        read(tmp_path / name)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [(pa.date32(), 2**30), (pa.timestamp("us"), 2**62), (pa.list_(pa.timestamp("s")), [2**40])],
)
def test_a_moment_that_no_calendar_has_spoils_its_own_row(
    tmp_path: Path, kind: pa.DataType, value: Any
) -> None:
    """Found by `make fuzz`: it ended the import."""
    numbers = [0, value, None] if not isinstance(value, list) else [[0], value, None]
    table = pa.table({"who": ["a", "b", "c"], "n": pa.array(numbers, kind)})
    pq.write_table(table, tmp_path / "rows.parquet")
    first, bad, last = read(tmp_path / "rows.parquet")
    assert isinstance(bad.row, Refusal)
    assert bad.row.field == "n"
    assert "column 'n'" in bad.row.detail
    assert json.loads(bad.raw)["who"] == "b", "what can be read of it is kept"
    assert isinstance(first.row, dict)
    assert last.row == {"who": "c", "n": None}


def test_a_broken_page_is_told_as_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    """Found by `make fuzz`: pyarrow says so with an OSError, long after the file was opened."""
    path = as_parquet(tmp_path / "rows.parquet", [{"who": f"u{n}", "n": str(n)} for n in range(9)])
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 40 + whole[44:])
    with pytest.raises(FileProblem, match="can not be read"):
        read(path)
