"""`rapport query`: asks ClickHouse and prints the rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.table import Table

from services.common.clients import EngineMissing, clickhouse_client
from services.common.settings import Settings
from services.scoring.store import DATABASE

Sql = Annotated[str, typer.Argument(help="One query that reads; - reads it from standard input")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for each row")]

#: Reading only: a slip of the pen must not change what replays can not bring back.
READ_ONLY = {"readonly": "2"}


def query(sql: Sql, as_json: AsJson = False) -> None:
    """Ask ClickHouse one question, for example "SELECT stage, profiles FROM lifecycle_now"."""
    text = sys.stdin.read() if sql == "-" else sql
    show_rows(*asked(text), as_json)


def asked(
    text: str, parameters: Mapping[str, str | int] | None = None
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """(column names, rows); without an answer the command says why and ends with 1."""
    try:
        return answer(Settings(), text, parameters)
    except (EngineMissing, ClickHouseError, OSError) as error:
        Console(stderr=True).print(str(error), markup=False, style="red")
        raise typer.Exit(1) from None


def show_rows(names: tuple[str, ...], rows: list[tuple[Any, ...]], as_json: bool) -> None:
    """A table for people, or one JSON object for each row."""
    if as_json:
        for row in rows:
            typer.echo(json.dumps(dict(zip(names, row, strict=True)), default=str))
    else:
        Console().print(as_table(names, rows))


def answer(
    settings: Settings, text: str, parameters: Mapping[str, str | int] | None = None
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """(column names, rows). EngineMissing or ClickHouseError when there is no answer."""
    with clickhouse_client(settings, database=DATABASE) as client:
        found = client.query(text, parameters=parameters, settings=READ_ONLY)
        return tuple(found.column_names), list(found.result_rows)


def as_table(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    """Rows for people."""
    table = Table(*names, box=None)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    return table
