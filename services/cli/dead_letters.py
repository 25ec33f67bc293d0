"""`rapport dead-letters`: what was refused, why, and the bytes as they came; and mending them."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Annotated, Any, Final

import typer

from services.cli.letters import work
from services.cli.letters.letter import Which
from services.cli.letters.options import AsJson, State, checked_id, filtered, in_state
from services.cli.query import asked, show_rows
from services.common.masking import masked

app = typer.Typer(
    help="What was refused: why, as it came, and sending it again.", no_args_is_help=True
)
app.command()(work.redrive)
app.command()(work.edit)
app.command()(work.discard)

_COUNTS: Final = """
SELECT reason, service, source, count() AS letters, countIf(state = 'open') AS open,
    countIf(state = 'redriven') AS redriven, countIf(state = 'discarded') AS discarded,
    min(at) AS first, max(at) AS last
FROM dead_letters_now
"""
_BY_REASON: Final = """
GROUP BY reason, service, source ORDER BY letters DESC, reason, service, source
"""
_LIST: Final = """
SELECT event_id AS id, at, state, reason, service, source, field, detail -- masked: the last
FROM dead_letters_now
"""
_NEWEST: Final = "ORDER BY at DESC, event_id LIMIT {most:UInt64}"
_SHOW: Final = (
    "SELECT event_id AS id, workspace, at, reason, detail, field, service, source, message_id,"
    " request_id, endpoint, topic, partition, offset, state, handled_at, handled_by, rule, why,"
    " former, way, original"
    " FROM dead_letters_now WHERE event_id = {id:UUID}"
)


@app.command()
@filtered
def counts(
    which: Which,
    state: State = "all",
    as_json: AsJson = False,
) -> None:
    """How many of each reason, service and source, how many are open, and from when to when."""
    which = in_state(which, state)
    names, rows = asked(f"{_COUNTS} {which.where()} {_BY_REASON}", which.parameters())
    _print(names, rows, as_json)


@app.command("list")
@filtered
def list_(
    which: Which,
    state: State = "open",
    most: Annotated[int, typer.Option(min=1, max=100_000, help="so many, newest first")] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest open ones; addresses and telephone numbers are masked."""
    which = in_state(which, state)
    names, rows = asked(f"{_LIST} {which.where()} {_NEWEST}", which.parameters() | {"most": most})
    _print(names, [(*row, masked(detail)) for *row, detail in rows], as_json)


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="as list prints it")], as_json: AsJson = False
) -> None:
    """One with its original bytes, as they came and not masked."""
    names, rows = asked(_SHOW, {"id": checked_id(id)})
    if not rows:
        typer.echo("there is none with this id", err=True)
        raise typer.Exit(1)
    letter = dict(zip(names, rows[0], strict=True))
    original = b64decode(letter.pop("original")).decode("utf-8", "replace")
    if as_json:
        typer.echo(json.dumps(letter | {"original": original}, default=str))
        return
    for name, value in letter.items():
        if value not in ("", None):
            typer.echo(f"{name:<11} {value}")
    typer.echo(f"\n{original}")


def _print(names: tuple[str, ...], rows: list[tuple[Any, ...]], as_json: bool) -> None:
    if rows or as_json:
        show_rows(names, rows, as_json)
    else:
        typer.echo("none")
