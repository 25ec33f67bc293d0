"""`rapport audit`: who did what about whom, and whether the trail of it was changed."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from schemas.audit import AuditRecord
from services.cli.query import as_table
from services.common.audit_log import Read, Verdict, records, verify
from services.common.settings import Settings
from services.common.topic_log import NotRead

app = typer.Typer(
    help="Who did what about whom: the audit trail, and whether it was changed.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line, for scripts")]


@app.command("list")
def list_(
    who: Annotated[str, typer.Option(help="only what this one did")] = "",
    what: Annotated[str, typer.Option(help="only this, such as profile.read")] = "",
    subject: Annotated[str, typer.Option(help="only about this profile id or hash")] = "",
    workspace: Annotated[str, typer.Option(help="only of this workspace")] = "",
    days: Annotated[float, typer.Option(min=0, help="only of the last days; 0: all")] = 0,
    most: Annotated[int, typer.Option(min=1, help="so many, the newest")] = 50,
    as_json: AsJson = False,
) -> None:
    """What is on record, oldest first."""
    since = datetime.now(UTC) - timedelta(days=days) if days else datetime.min.replace(tzinfo=UTC)
    asked = {"who": who, "what": what, "subject": subject, "workspace": workspace}
    newest: deque[AuditRecord] = deque(maxlen=most)
    with _faults():
        found = [one.record for one in records(Settings()) if one.record is not None]
    for record in sorted(found, key=lambda one: (one.at, one.writer, one.sequence)):
        said = record.model_dump(include=set(asked))
        if record.at >= since and all(value in ("", said[name]) for name, value in asked.items()):
            newest.append(record)
    if as_json:
        for record in newest:
            typer.echo(record.model_dump_json())
        return
    if not newest:
        typer.echo("none")
        return
    rows = [_row(record) for record in newest]
    Console(soft_wrap=True).print(as_table(tuple(rows[0]), [tuple(row.values()) for row in rows]))


@app.command("verify")
def verify_(
    known: Annotated[
        Path | None,
        typer.Option(
            help="what an earlier `verify --json` printed: its chains must still be there",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a record was changed, removed or added; ends with 1 where one was.

    Who can write the whole topic anew can make a new trail: keep what this prints elsewhere, and
    give it to the next one with --known.
    """
    with _faults():
        found = list(records(Settings()))
    verdict = verify(found)
    if known is not None:
        verdict.faults += _gone(found, json.loads(known.read_text()))
    if as_json:
        typer.echo(json.dumps(_described(verdict)))
    else:
        _print(verdict)
    if verdict.faults:
        raise typer.Exit(1)


def _gone(found: list[Read], earlier: dict[str, Any]) -> Iterator[str]:
    """What an earlier verification had seen and is not there as it was."""
    hashes = {
        (one.record.writer, one.record.sequence): one.record.hash
        for one in found
        if one.record is not None
    }
    for end in earlier["ends"]:
        name = (end["writer"], end["sequence"])
        if hashes.get(name) != end["hash"]:
            yield f"record {name[1]} of {name[0]} is not there as it was"


def _described(verdict: Verdict) -> dict[str, Any]:
    return {
        "intact": not verdict.faults,
        "records": verdict.records,
        "chains": verdict.chains,
        "expired": verdict.expired,
        "faults": verdict.faults,
        "ends": [end.model_dump() for end in verdict.ends],
    }


def _print(verdict: Verdict) -> None:
    for fault in verdict.faults:
        typer.echo(fault)
    counted = f"{verdict.records:,} records in {verdict.chains:,} chains"
    if verdict.expired:
        typer.echo(f"{verdict.expired:,} at the beginning of chains have expired, or were removed")
    typer.echo(f"NOT intact: {counted}" if verdict.faults else f"intact: {counted}")


def _row(record: AuditRecord) -> dict[str, str]:
    return {
        "at": record.at.isoformat(timespec="seconds"),
        "who": record.who,
        "what": record.what,
        "workspace": record.workspace,
        "subject": record.subject,
        "details": ", ".join(f"{name}={value}" for name, value in record.details.items()),
    }


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except NotRead as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
