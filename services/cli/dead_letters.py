"""`rapport dead-letters`: what was refused, why, and the bytes as they came."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import Annotated, Any, Final

import typer

from services.cli.query import asked, show_rows
from services.common.masking import masked

app = typer.Typer(help="What was refused: why, and as it came.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="only of this reason")]
Source = Annotated[str, typer.Option(help="only of this source")]
Service = Annotated[str, typer.Option(help="only of this service")]
Workspace = Annotated[str, typer.Option(help="only of this workspace")]
Since = Annotated[str, typer.Option(help="only so young: 30m, 12h or 7d")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line, for scripts")]

_AGE: Final = re.compile(r"(\d{1,5})([mhd])")
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}
#: A filter that is empty lets everything through.
_WHERE: Final = """
WHERE ({reason:String} = '' OR reason = {reason:String})
  AND ({source:String} = '' OR source = {source:String})
  AND ({service:String} = '' OR service = {service:String})
  AND ({workspace:String} = '' OR workspace = {workspace:String})
  AND at >= now64(6) - toIntervalSecond({seconds:UInt64})
"""
_COUNTS: Final = f"""
SELECT reason, service, source, count() AS letters, min(at) AS first, max(at) AS last
FROM dead_letters FINAL {_WHERE}
GROUP BY reason, service, source ORDER BY letters DESC, reason, service, source
"""  # noqa: S608 - nothing that was asked for is in it
_LIST: Final = f"""
SELECT event_id AS id, at, reason, service, source, field, detail -- which is masked: the last
FROM dead_letters FINAL {_WHERE}
ORDER BY at DESC, event_id LIMIT {{most:UInt64}}
"""  # noqa: S608 - nor here
_SHOW: Final = (
    "SELECT event_id AS id, workspace, at, reason, detail, field, service, source, message_id,"
    " topic, partition, offset, original FROM dead_letters FINAL WHERE event_id = {id:UUID}"
)
#: Seconds before now, of a filter that lets everything through.
_ALWAYS: Final = 10_000 * 86_400


@app.command()
def counts(
    reason: Reason = "",
    source: Source = "",
    service: Service = "",
    workspace: Workspace = "",
    since: Since = "",
    as_json: AsJson = False,
) -> None:
    """How many of each reason, service and source, and from when to when."""
    names, rows = asked(_COUNTS, _filters(reason, source, service, workspace, since))
    _print(names, rows, as_json)


@app.command("list")
def list_(
    reason: Reason = "",
    source: Source = "",
    service: Service = "",
    workspace: Workspace = "",
    since: Since = "",
    most: Annotated[int, typer.Option(min=1, max=100_000, help="so many, newest first")] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest ones; addresses and telephone numbers are masked."""
    filters = _filters(reason, source, service, workspace, since) | {"most": most}
    names, rows = asked(_LIST, filters)
    _print(names, [(*row, masked(detail)) for *row, detail in rows], as_json)


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="as list prints it")], as_json: AsJson = False
) -> None:
    """One with its original bytes, as they came and not masked."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", id):
        raise typer.BadParameter("it is no id; `rapport dead-letters list` prints them")
    names, rows = asked(_SHOW, {"id": id})
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


def _filters(
    reason: str, source: str, service: str, workspace: str, since: str
) -> dict[str, str | int]:
    filters = {"reason": reason, "source": source, "service": service, "workspace": workspace}
    if not since:
        return {**filters, "seconds": _ALWAYS}
    age = _AGE.fullmatch(since)
    if age is None:
        raise typer.BadParameter("write --since as 30m, 12h or 7d")
    return {**filters, "seconds": int(age[1]) * _SECONDS[age[2]]}


def _print(names: tuple[str, ...], rows: list[tuple[Any, ...]], as_json: bool) -> None:
    if rows or as_json:
        show_rows(names, rows, as_json)
    else:
        typer.echo("none")
