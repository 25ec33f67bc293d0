"""CSV, JSON lines and Parquet files as rows: read bit by bit, in memory that does not grow."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.dead_letter import Reason
from services.common.workspace import RowMapping
from services.ingest.domain.refusal import Refusal
from services.ingest.reading import decoded

#: Rows that are read at once.
BATCH_ROWS: Final = 2_000
LINE_BYTES_MAX: Final = 1_000_000
#: What readers say of a file whose inside is not what its name says.
_BROKEN: Final = (
    pa.ArrowException, UnicodeError, csv.Error, EOFError, zlib.error, gzip.BadGzipFile
)  # fmt: skip


class FileProblem(Exception):  # noqa: N818 - says what is wrong with the file
    """The file can not be read as what it seems to be; the text says why and what to do."""


class NumberedRow(NamedTuple):
    """A row, or why it is none; numbers count from 1, without a CSV file's header."""

    number: int
    row: dict[str, Any] | Refusal
    raw: bytes = b""


class _Unspeakable(NamedTuple):
    """A value that Python has no word for: a day after the year 9999, text that is none."""

    why: str


class RowFile(Protocol):
    """A file of rows. `share_read`: how much of it has been read, 0 to 1."""

    def batches(self, after: int) -> Iterator[list[NumberedRow]]: ...

    def share_read(self) -> float: ...


@contextmanager
def open_rows(path: Path, name: str, mapping: RowMapping) -> Iterator[RowFile]:
    """The file by its ending. FileProblem where it has another one, lacks a column that the mapping
    reads, or turns out to be broken."""
    with ExitStack() as opened:
        try:
            rows = _opened(path, opened, name, mapping)
        except OSError as error:
            raise FileProblem(f"{path.name} can not be read: {error}") from None
        except _BROKEN as error:
            raise _broken(path, error) from None
        try:
            yield rows
        except _BROKEN as error:
            raise _broken(path, error) from None


def _opened(path: Path, opened: ExitStack, name: str, mapping: RowMapping) -> RowFile:
    packed = path.suffix.lower() == ".gz"
    ending = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    if ending == ".parquet" and not packed:
        # read in pieces: a row group may have gigabytes
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        return ParquetRows(opened.enter_context(closing(file)), name, mapping)
    if ending in (".csv", ".tsv", ".jsonl", ".ndjson", ".json"):
        content = opened.enter_context(closing(_Bytes(path, packed)))
        if ending not in (".csv", ".tsv"):
            return JsonRows(content)
        delimiter = "\t" if ending == ".tsv" else mapping.csv.delimiter
        return CsvRows(content, delimiter, name, mapping)
    known = ".csv, .tsv, .jsonl, .ndjson, .json (all with .gz too) or .parquet"
    raise FileProblem(f"{path.name} is of no known kind; its name ends in {known}")


def _broken(path: Path, error: Exception) -> FileProblem:
    return FileProblem(f"{path.name} can not be read: {error}")


class _Bytes:
    """A plain or gzipped file, and how far it has been read."""

    def __init__(self, path: Path, packed: bool) -> None:
        self._size = path.stat().st_size
        self._plain: BinaryIO = path.open("rb")
        self.stream: Any = gzip.GzipFile(fileobj=self._plain) if packed else self._plain

    def close(self) -> None:
        self._plain.close()

    def share_read(self) -> float:
        return self._plain.tell() / self._size if self._size else 1.0


class CsvRows:
    """A CSV file whose first row names the columns."""

    def __init__(self, content: _Bytes, delimiter: str, name: str, mapping: RowMapping) -> None:
        self._content = content
        encoding = "utf-8-sig" if mapping.csv.encoding == "utf-8" else mapping.csv.encoding
        # a byte that is no text spoils its own row, not the file
        text = io.TextIOWrapper(content.stream, encoding, errors="surrogateescape", newline="")
        csv.field_size_limit(LINE_BYTES_MAX)
        self._reader = csv.reader(text, delimiter=delimiter)
        self._columns = next(self._reader, [])
        _complete(self._columns, name, mapping)

    def batches(self, after: int) -> Iterator[list[NumberedRow]]:
        return _batched(self._rows(), after)

    def share_read(self) -> float:
        return self._content.share_read()

    def _rows(self) -> Iterator[NumberedRow]:
        columns, number = self._columns, 0
        while True:
            number += 1
            try:
                values = next(self._reader, None)
            except csv.Error as error:
                detail = f"no row of CSV: {error}"
                yield NumberedRow(number, Refusal(Reason.BAD_PROPERTIES, detail), b"%d" % number)
                continue
            if values is None:
                return
            if len(values) == len(columns):
                yield NumberedRow(number, dict(zip(columns, values, strict=True)))
            elif values:
                detail = f"{len(values)} values for {len(columns)} columns"
                raw = ",".join(values).encode("utf-8", "surrogateescape")
                yield NumberedRow(number, Refusal(Reason.BAD_PROPERTIES, detail), raw)


class JsonRows:
    """A file with a JSON object in each line."""

    def __init__(self, content: _Bytes) -> None:
        self._content = content

    def batches(self, after: int) -> Iterator[list[NumberedRow]]:
        return _batched(self._rows(), after)

    def share_read(self) -> float:
        return self._content.share_read()

    def _rows(self) -> Iterator[NumberedRow]:
        stream, number = self._content.stream, 0
        while line := stream.readline(LINE_BYTES_MAX + 1):
            number += 1
            if len(line) > LINE_BYTES_MAX:
                more = "each line of JSON lines is one object"
                raise FileProblem(f"line {number} has more than {LINE_BYTES_MAX} bytes; {more}")
            raw = line.removeprefix(b"\xef\xbb\xbf").strip()
            if raw:
                row = decoded(raw)
                if not isinstance(row, dict | Refusal):
                    row = Refusal(Reason.NOT_AN_OBJECT, "a row is a JSON object")
                yield NumberedRow(number, row, raw)


class ParquetRows:
    """A Parquet file; of its columns only those that the mapping reads, if it has a key."""

    def __init__(self, file: Any, name: str, mapping: RowMapping) -> None:
        self._file = file
        known = self._file.schema_arrow.names
        _complete(known, name, mapping)
        wanted = {_outer(column, known) for column in mapping.columns()}
        self._columns = [one for one in known if one in wanted] if mapping.key else list(known)
        self._rows_read = 0

    def batches(self, after: int) -> Iterator[list[NumberedRow]]:
        meta = self._file.metadata
        number, groups = 0, list(range(meta.num_row_groups))
        while groups and number + meta.row_group(groups[0]).num_rows <= after:
            number += meta.row_group(groups.pop(0)).num_rows
        for part in self._parts(groups):
            rows = _rows_of(part, number)
            number = self._rows_read = number + len(rows)
            if number > after:
                yield [one for one in rows if one.number > after]

    def _parts(self, groups: list[int]) -> Iterator[Any]:
        try:
            yield from self._file.iter_batches(BATCH_ROWS, groups, self._columns, use_threads=False)
        except OSError as error:  # what pyarrow says of pages that are not what the footer says
            raise FileProblem(f"the file can not be read to its end: {error}") from None

    def share_read(self) -> float:
        rows: int = self._file.metadata.num_rows
        return self._rows_read / rows if rows else 1.0


def _rows_of(part: Any, before: int) -> list[NumberedRow]:
    names = part.schema.names
    columns, spoilt = [], set()
    for name, column in zip(names, part.columns, strict=True):
        column = _moments(column)
        try:
            columns.append(column.to_pylist())
        except (ValueError, OverflowError):
            columns.append([_value(one) for one in column])
            spoilt.add(name)
    rows = [
        NumberedRow(number, dict(zip(names, values, strict=True)))
        for number, values in enumerate(zip(*columns, strict=True), before + 1)
    ]
    return [_without(spoilt, one) for one in rows] if spoilt else rows


def _without(spoilt: set[str], numbered: NumberedRow) -> NumberedRow:
    """The row, or its refusal for the first value that Python has no word for."""
    row = numbered.row
    assert isinstance(row, dict)
    for name, value in row.items():
        if name in spoilt and type(value) is _Unspeakable:
            refusal = Refusal(Reason.BAD_PROPERTIES, f"column {name!r}: {value.why}", name)
            return NumberedRow(numbered.number, refusal, json.dumps(row, default=str).encode())
    return numbered


def _moments(column: Any) -> Any:
    """In microseconds, as Python has them, those with a zone in UTC."""
    if pa.types.is_timestamp(column.type):
        zone = "UTC" if column.type.tz else None
        column = column.cast(pa.timestamp("us", zone), safe=False)
    return column


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError) as error:
        return _Unspeakable(f"no value of {scalar.type} that can be read: {error}")


def _outer(column: str, known: Sequence[str]) -> str:
    """The column that a name with dots leads into."""
    return column if column in known else column.partition(".")[0]


def _complete(known: Sequence[str], name: str, mapping: RowMapping) -> None:
    missing = [one for one in mapping.columns() if _outer(one, known) not in known]
    if missing:
        lacks, has = ", ".join(missing), ", ".join(known[:50])
        mend = f"mend mappings/{name}.yaml, or say how the file is written (`csv:`)"
        raise FileProblem(f"the file has no column {lacks}; it has {has or 'none'}. {mend}")
    twice = sorted({one for one in known if known.count(one) > 1})
    if twice:
        raise FileProblem(f"the file has column {twice[0]} twice; rename one of them")


def _batched(rows: Iterable[NumberedRow], after: int) -> Iterator[list[NumberedRow]]:
    remaining = (one for one in rows if one.number > after)
    while batch := list(islice(remaining, BATCH_ROWS)):
        yield batch
