"""chdb, the ClickHouse engine in this process: one data directory, many connections."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from deploy.embedded.clickhouse_http.statement import from_infile

# For a laptop that runs everything else as well; a query can ask for less, or for more.
SERVER_LIMITS: Mapping[str, int] = {
    "max_server_memory_usage": 1_200_000_000,
    "mark_cache_size": 64_000_000,
    "primary_index_cache_size": 64_000_000,
    "index_mark_cache_size": 16_000_000,
    "query_condition_cache_size": 16_000_000,
    "compiled_expression_cache_size": 32_000_000,
}
QUERY_DEFAULTS: Mapping[str, str] = {"max_memory_usage": "900000000", "async_insert": "0"}

CODE = re.compile(r"Code:\s*(\d+)")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class QueryFailedError(Exception):
    """What ClickHouse answered instead of a result, with its error code."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        found = CODE.search(message)
        self.code = code if code is not None else int(found[1]) if found else 1002


@dataclass(frozen=True, slots=True)
class Query:
    """One request to the engine, with all that holds for it alone."""

    text: str
    format: str = "TabSeparated"
    database: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The formatted result and what it cost."""

    body: bytes = b""
    rows: int = 0
    rows_read: int = 0
    bytes_read: int = 0
    rows_written: int = 0
    bytes_written: int = 0
    elapsed_s: float = 0.0


class Engine:
    """Gives each query a connection of its own, so that no setting outlives its query."""

    def __init__(self, directory: Path) -> None:
        self._chdb = import_module("chdb._chdb")
        self._address = f"{directory}?" + "&".join(f"{n}={v}" for n, v in SERVER_LIMITS.items())
        self._root = self._chdb.connect(self._address)  # the last one to close ends the engine

    def close(self) -> None:
        self._root.close()

    def run(self, query: Query) -> Answer:
        """Run to the end; a failure is a QueryFailedError."""
        with self._connection(query) as connection:
            result = connection.query(query.text, query.format)
            return Answer(
                body=bytes(result.bytes()),
                rows=result.rows_read(),
                rows_read=result.storage_rows_read(),
                bytes_read=result.storage_bytes_read(),
                rows_written=result.rows_written(),
                bytes_written=result.bytes_written(),
                elapsed_s=result.elapsed(),
            )

    def only_reads(self, text: str) -> bool:
        """Whether the text is one statement that reads. Not one statement: QueryFailedError."""
        seen = self._root.classify_query(text)
        if seen["statement_count"] > 1:
            raise QueryFailedError(
                "Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed). "
                "(SYNTAX_ERROR)"
            )
        if seen["statement_count"] == 0:
            self.run(Query(f"SELECT formatQuery({quoted(text)})"))  # says where the error is
        return bool(seen["query_class"].name == "READ_ONLY")

    def insert(self, query: Query, rows: Iterable[bytes]) -> Answer:
        """Append rows; all are kept or, on any failure, none.

        By way of a file: chdb's streaming insert says nothing when a row fails behind the parser
        (a constraint, a materialized column, memory, the disk), and drops all of them.
        """
        with tempfile.NamedTemporaryFile(prefix="rapport-insert-") as spooled:
            for chunk in rows:
                spooled.write(chunk)
            spooled.flush()
            text = from_infile(query.text, quoted(spooled.name), query.format)
            return self.run(replace(query, text=text, format="Null"))

    @contextmanager
    def _connection(self, query: Query) -> Iterator[Any]:
        connection = self._chdb.connect(self._address)
        try:
            for statement in _preparations(query):
                connection.query(statement, "Null")
            yield connection
        except RuntimeError as problem:
            raise QueryFailedError(str(problem)) from None
        finally:
            connection.close()


def _preparations(query: Query) -> Iterator[str]:
    """What makes the connection the query's own: database, parameters, settings in this order.

    Settings come last, as `readonly` forbids everything after it.
    """
    if query.database:
        name = query.database.replace("\\", "\\\\").replace("`", "\\`")
        yield f"USE `{name}`"
    for name, value in query.parameters.items():
        yield f"SET param_{_checked(name)} = {quoted(value)}"
    settings = {**QUERY_DEFAULTS, **query.settings}
    yield "SET " + ", ".join(f"{_checked(n)} = {quoted(value)}" for n, value in settings.items())


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise QueryFailedError(
            f"Code: 115. DB::Exception: Unknown setting '{name}'. (UNKNOWN_SETTING)"
        )
    return name


def quoted(value: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
