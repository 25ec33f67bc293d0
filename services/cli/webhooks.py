"""`rapport webhooks`: how deliveries stand, what was given up, and sending it again."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.common.clients import EngineMissing, redis_client
from services.common.settings import Settings
from services.journey.deliver import operate

app = typer.Typer(help="Webhook deliveries.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EndpointName = Annotated[str, typer.Argument(help="workspace/name, as status prints it")]
COLUMNS = ("endpoint", "pending", "retrying", "delivered", "failed", "dead", "resent", "state")


@app.command()
def status(as_json: Json = False) -> None:
    """Pending, delivered, failed and dead deliveries of each endpoint, and which are disabled."""
    found = operate.standings(_redis())
    if as_json:
        typer.echo(json.dumps({"endpoints": found}, indent=2))
        return
    rows = [{**one, "state": _state(one)} for one in found]
    _print(COLUMNS, rows)


@app.command()
def attempts(endpoint: EndpointName, count: int = 20, as_json: Json = False) -> None:
    """The last attempts of an endpoint, newest first."""
    found: list[dict[str, Any]] = [*operate.attempts(_redis(), endpoint, count)]
    _show(found, ("at", "id", "attempt", "result", "status", "took_ms"), as_json)


@app.command()
def dead(endpoint: EndpointName, count: int = 100, as_json: Json = False) -> None:
    """What was given up and can be sent again, newest first."""
    _show(operate.dead_letters(_redis(), endpoint, count), ("at", "id", "type"), as_json)


@app.command()
def resend(
    endpoint: EndpointName,
    id: Annotated[str, typer.Argument(help="the webhook-id; none with --all")] = "",
    everything: Annotated[bool, typer.Option("--all", help="all dead letters")] = False,
) -> None:
    """Send a dead letter again, or all of an endpoint: same id, the schedule begins anew."""
    if bool(id) == everything:
        raise typer.BadParameter("give an id, or --all")
    client, now_ms = _redis(), time.time_ns() // 1_000_000
    if everything:
        typer.echo(f"{operate.resend_all(client, endpoint, now_ms)} are sent again")
    elif operate.resend(client, endpoint, id, now_ms):
        typer.echo(f"{id} is sent again")
    else:
        typer.echo(f"{id} is not among the dead letters of {endpoint}", err=True)
        raise typer.Exit(1)


@app.command()
def enable(endpoint: EndpointName) -> None:
    """Take back that an endpoint was disabled. Its dead letters wait for `resend`."""
    done = operate.enable(_redis(), endpoint)
    typer.echo(f"{endpoint} is enabled" if done else f"{endpoint} was not disabled")


def _redis() -> Any:
    try:
        client = redis_client(Settings())
        client.ping()
    except Exception as error:  # any fault here is one for the reader, not for a traceback
        missing = error if isinstance(error, EngineMissing) else f"Redis (RAPPORT_REDIS): {error}"
        typer.echo(str(missing), err=True)
        raise typer.Exit(1) from None
    return client


def _state(one: operate.Standing) -> str:
    if one["disabled"]:
        return f"disabled: {one['disabled']}"
    return f"fails since {_time(one['failing_since'])}" if one["failing_since"] else "ok"


def _show(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    _print(columns, [{**row, "at": _time(int(row["at"]))} for row in rows])


def _print(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    Console().print(table)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
