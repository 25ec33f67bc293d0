"""`rapport live`: what comes in right now, and what of it is refused and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from deploy.embedded.ports import HOST
from services.cli.services import services_left_in
from services.common.settings import Settings

Source = Annotated[str, typer.Option(help="only of this source")]
Refused = Annotated[bool, typer.Option("--refused", help="only what is refused")]
Address = Annotated[
    str, typer.Option(help="health address of an ingest process; default: that of `rapport serve`")
]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line, for scripts")]


def live(
    source: Source = "", refused: Refused = False, address: Address = "", as_json: AsJson = False
) -> None:
    """Show events as they come in, up to fifty a second, until Ctrl-C. Values are not shown."""
    notes = Console(stderr=True, highlight=False, soft_wrap=True)
    url = f"{address or _address(Settings(), notes)}/live"
    query = {"source": source, "state": "refused" if refused else ""}
    try:
        with httpx.stream("GET", url, params=query, timeout=httpx.Timeout(10)) as answer:
            if answer.status_code != 200:
                answer.read()
                notes.print(f"{url} answers {answer.status_code}: {answer.text}", markup=False)
                raise typer.Exit(1)
            if not as_json:
                notes.print(f"watching {url}; Ctrl-C ends it", markup=False)
            for kind, told in events_in(answer.iter_lines()):
                typer.echo(json.dumps({"event": kind} | told) if as_json else line_of(kind, told))
    except httpx.HTTPError as error:
        notes.print(f"{url}: {error}; is ingest running? --address says where", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        pass


def _address(settings: Settings, notes: Console) -> str:
    if settings.health_port:
        return f"http://{settings.health_host}:{settings.health_port}"
    for process in services_left_in(settings.home):
        if process.name == "ingest" and process.alive() and process.port:
            return f"http://{HOST}:{process.port}"
    notes.print("no ingest runs here: start it with `rapport serve`, or say --address")
    raise typer.Exit(1)


def events_in(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(kind, data) of each server-sent event."""
    kind = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            kind = value
        elif field == "data":
            yield kind, json.loads(value)


def line_of(kind: str, told: dict[str, Any]) -> str:
    """One event for people."""
    if kind == "accepted":
        named = f"{told['kind']} {told['name']!r}" if told["name"] else told["kind"]
        who = ", ".join(told["identifiers"])
        return _line(told, "ok", f"{named} of {who}: {', '.join(told['properties']) or '-'}")
    if kind == "refused":
        where = f" at {told['field']}" if told["field"] else ""
        return _line(told, told["reason"], f"{told['detail']}{where}")
    if kind == "suppressed":
        return _line(told, "suppressed", "somebody in it must not get in; nothing is kept")
    if kind == "beat":
        return f"-- {told['events']} events so far, {told['shown']} shown"
    return f"-- watching {told['source'] or 'all sources'}"


def _line(told: dict[str, Any], state: str, text: str) -> str:
    return f"{told['at'][11:19]}  {told['source']:<12} {state:<16} {text}"
