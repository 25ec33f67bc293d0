"""chdb, the ClickHouse engine in this process: one data directory, many connections."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

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
    rows_read: int = 0
    bytes_read: int = 0
    rows_written: int = 0
    bytes_written: int = 0


class Engine:
    """Gives each query a connection of its own, so that no setting outlives its query."""

    def __init__(self, directory: Path) -> None:
        self._chdb = import_module("chdb._chdb")
        self._directory = str(directory)
        self._root = self._chdb.connect(self._directory)  # the last one to close ends the engine

    def close(self) -> None:
        self._root.close()

    def run(self, query: Query) -> Answer:
        """Run to the end; a failure is a QueryFailedError."""
        with self._connection(query) as connection:
            result = connection.query(query.text, query.format)
            return Answer(
                bytes(result.bytes()),
                result.rows_read(),
                result.bytes_read(),
                result.rows_written(),
                result.bytes_written(),
            )

    def is_other_than_one_read(self, text: str) -> bool:
        """Whether the text is anything else than one statement that reads (or bad syntax)."""
        seen = self._root.classify_query(text)
        return not (seen["query_class"].name == "READ_ONLY" and seen["statement_count"] == 1)

    def insert(self, query: Query, rows: Iterable[bytes]) -> Answer:
        """Append rows as they arrive; all are kept or, on any failure, none."""
        with self._connection(query) as connection:
            stream = connection.send_insert(query.text, query.format)
            try:
                for chunk in rows:
                    connection.insert_append(stream, chunk)
            except BaseException:
                connection.insert_cancel(stream)
                raise
            result = connection.insert_done(stream)
            return Answer(rows_written=result.rows_written(), bytes_written=result.bytes_written())

    @contextmanager
    def _connection(self, query: Query) -> Iterator[Any]:
        connection = self._chdb.connect(self._directory)
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
    if query.settings:
        yield "SET " + ", ".join(
            f"{_checked(name)} = {quoted(value)}" for name, value in query.settings.items()
        )


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise QueryFailedError(
            f"Code: 115. DB::Exception: Unknown setting '{name}'. (UNKNOWN_SETTING)"
        )
    return name


def quoted(value: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
