"""A ClickHouse database of its own for a test, filled as the columns fill it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

from services.common.clients import clickhouse_client
from services.common.settings import Settings
from services.scoring.insert import Refused, insert
from services.scoring.store import migrate
from tests.columns_messages import lines_of


@contextmanager
def database(address: str, name: str) -> Iterator[Any]:
    """A client in a new database with all tables and views, dropped afterwards."""
    client = clickhouse_client(Settings(clickhouse=address))
    try:
        migrate(client, name)
        yield client
        client.command(f"DROP DATABASE {name}", use_database=False)
    finally:
        client.close()


def fill(client: Any, messages: Sequence[tuple[str, BaseModel]]) -> list[Refused]:
    """Insert the rows of (topic, message)s, one insert for each table."""
    refused = []
    for table, lines in lines_of(list(messages)).items():
        refused += insert(client, table, lines)
    return refused


def asked(client: Any, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries."""
    return list(client.query(query, parameters=parameters).named_results())


def everything(client: Any, views: Sequence[str]) -> dict[str, list[str]]:
    """What all views show, without what moves with the clock."""
    return {
        view: sorted(
            str({key: value for key, value in row.items() if not key.endswith("_now")})
            for row in asked(client, f"SELECT * FROM {view}")
        )
        for view in views
    }
