"""ClickHouse as the columns keep it: the schema brought up to date, Arrow tables appended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, Protocol

DATABASE: Final = "rapport"
SQL_PACKAGE: Final = "deploy.clickhouse"
NUMBERED: Final = re.compile(r"^\d{3}_\w+\.sql$")
#: Databases are named by us or by a test, never by a customer.
DATABASE_NAME: Final = re.compile(r"^[a-z][a-z0-9_]{0,62}$")

RECORDED: Final = """
CREATE TABLE IF NOT EXISTS migrations
(file String, digest String, applied_at DateTime64(6, 'UTC') DEFAULT now64(6))
ENGINE = ReplacingMergeTree(applied_at) ORDER BY file
"""


class Client(Protocol):
    """What is used of a clickhouse_connect client."""

    database: str | None

    def command(self, cmd: str, parameters: Any = ..., *, use_database: bool = ...) -> Any: ...

    def query(self, query: str) -> Any: ...

    def insert_arrow(self, table: str, arrow_table: Any) -> Any: ...


def migrate(client: Any, database: str = DATABASE) -> list[str]:
    """Bring tables and views up to date; gives the files that were applied now, in their order.

    Each file is recorded with its digest and applied again when it changed: tables are created
    only if missing, views are replaced. From here on the client works in `database`.
    """
    if not DATABASE_NAME.match(database):
        raise ValueError(f"not a database name: {database!r}")
    client.command(f"CREATE DATABASE IF NOT EXISTS {database}", use_database=False)
    client.database = database
    client.command(RECORDED)
    recorded = dict(client.query("SELECT file, digest FROM migrations FINAL").result_rows)
    return [
        name
        for name, text in numbered_files()
        if recorded.get(name) != digest_of(text) and _applied(client, name, text)
    ]


def numbered_files() -> list[tuple[str, str]]:
    """(name, text) of the SQL files: tables first, then views."""
    found = [path for path in files(SQL_PACKAGE).iterdir() if NUMBERED.match(path.name)]
    return sorted((path.name, path.read_text(encoding="utf-8")) for path in found)


def digest_of(text: str) -> str:
    """By this a file is known to have changed."""
    return sha256(text.encode()).hexdigest()


def statements(text: str) -> Iterator[str]:
    """The statements of a file; a semicolon at the end of a line ends one."""
    for statement in re.split(r";\s*$", text, flags=re.MULTILINE):
        if re.sub(r"^\s*--.*$", "", statement, flags=re.MULTILINE).strip():
            yield statement.strip()


def _applied(client: Any, name: str, text: str) -> bool:
    for statement in statements(text):
        client.command(statement)
    client.command(
        "INSERT INTO migrations (file, digest) SELECT {file:String}, {digest:String}",
        {"file": name, "digest": digest_of(text)},
    )
    return True
