"""`rapport plan`: a tracking plan from what came in, and what it would do with it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from rich.console import Console
from rich.table import Table

from schemas.dead_letter import Reason
from services.cli.chosen import Named, workspace_named
from services.cli.letters.letter import Which, letters_of, pages_of
from services.cli.plans import infer as inference
from services.cli.plans.traffic import (
    COUNTED,
    KEPT,
    Came,
    Traffic,
    in_file,
    in_letters,
    in_rows,
    newest_of,
    seconds_of,
)
from services.cli.plans.trial import Judges, Tried, as_json, judges_of, tried
from services.cli.query import asked
from services.common.plan import Plan, can_be_planned
from services.common.plan_judge import Judge, document_of
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.common.workspace_files import WorkspaceError, load_plan

app = typer.Typer(help="Tracking plans: what events must look like.", no_args_is_help=True)

From = Annotated[
    Path | None,
    typer.Option("--from", help="recorded calls or touchpoints, one a line (.gz); else ClickHouse"),
]
Since = Annotated[str, typer.Option(help="of ClickHouse only so young: 30m, 12h or 7d")]
Source = Annotated[str, typer.Option(help="only of this source")]
Most = Annotated[
    int, typer.Option(min=1, max=10_000_000, help="of ClickHouse so many, newest first")
]
MOST: Final = 100_000


@app.command("infer")
def infer(
    from_: From = None,
    since: Since = "7d",
    source: Source = "",
    named: Named = None,
    most: Most = MOST,
    out: Annotated[Path | None, typer.Option(help="file of the plan; else it is printed")] = None,
) -> None:
    """Write a plan that everything keeps to that came in. It holds no values that look personal,
    lets everything in, and wants to be read before it is used."""
    workspace = workspace_named(Settings(), named)
    traffic = _traffic(workspace, from_, since, source, most)
    came = [(_key(one), document_of(one.properties)) for one in traffic.came if _nameable(one)]
    seen = inference.seen_in(came)
    if not seen:
        typer.echo("nothing came in; look further back with --since", err=True)
        raise typer.Exit(1)
    plan = ({"sources": [source]} if source else {}) | inference.inferred(seen)
    text = f"# Inferred from {len(came)} events. Read it, set modes, then `rapport plan test`.\n"
    text += yaml.safe_dump(plan, sort_keys=False, allow_unicode=True, width=100)
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    _tell_of(traffic, len(traffic.came) - len(came), inference.left_out(seen))
    if out is not None:
        typer.echo(f"{out}: {len(plan['events'])} events. Next: rapport plan test --plan {out}")


@app.command("test")
def try_(
    from_: From = None,
    plan: Annotated[Path | None, typer.Option(help="file of a plan; else the workspace's")] = None,
    since: Since = "7d",
    source: Source = "",
    named: Named = None,
    most: Most = MOST,
    *,
    strict: Annotated[bool, typer.Option(help="end with 1 if anything would be refused")] = False,
    json_: Annotated[bool, typer.Option("--json", help="one JSON object, for scripts")] = False,
) -> None:
    """Hold what came in against a plan before it is applied: what would pass, and what is wrong."""
    workspace = workspace_named(Settings(), named)
    judges = _judges(workspace, _plan(plan) if plan else None)
    traffic = _traffic(workspace, from_, since, source, most)
    if from_ is None:
        kept_out = _kept_out(workspace, since, source, most)
        traffic.came.extend(kept_out.came)
        traffic.refused.update(kept_out.refused)
    found = tried(traffic.came, judges)
    refused = sum(one.refused for one in found.values())
    if json_:
        body = {"events": as_json(found), "refused": refused, "unreadable": dict(traffic.refused)}
        typer.echo(json.dumps(body))
    else:
        _show(found)
        _tell_of(traffic, 0, 0)
    if strict and refused:
        raise typer.Exit(1)


def _plan(path: Path) -> Plan:
    try:
        return load_plan(path)
    except WorkspaceError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _judges(workspace: Workspace, draft: Plan | None) -> Judges:
    """The draft for its sources, or for all; without one the plans of the workspace."""
    if draft is None:
        return judges_of(workspace)
    judge, sources = Judge(draft), draft.sources
    return lambda source: judge if not sources or source in sources else None


def _traffic(
    workspace: Workspace, from_: Path | None, since: str, source: str, most: int
) -> Traffic:
    with Console(stderr=True).status("reading what came in"):
        if from_ is not None:
            return in_file(from_, workspace, source)
        return _kept(workspace, since, source, most)


def _kept(workspace: Workspace, since: str, source: str, most: int) -> Traffic:
    filters: dict[str, str | int] = {
        "workspace": workspace.name,
        "source": source,
        "seconds": seconds_of(since),
    }
    _, rows = asked(KEPT, {**filters, "most": most})
    if len(rows) == most:
        _, [(there,)] = asked(COUNTED, filters)
        if there > most:
            typer.echo(f"{newest_of(most, there)} are looked at; --most takes more", err=True)
    return in_rows(rows)


def _kept_out(workspace: Workspace, since: str, source: str, most: int) -> Traffic:
    """The newest open letters of plans."""
    young = (datetime.now(UTC) - timedelta(seconds=seconds_of(since))).strftime("%F %T")
    which = Which(workspace=workspace.name, source=source, since=young)
    traffic = Traffic([], Counter())
    for reason in (Reason.PLAN_VIOLATION, Reason.PLAN_BLOCKED):
        for page in pages_of(replace(which, reason=reason.value)):
            if len(traffic.came) >= most:
                typer.echo(f"of what plans kept out only {most:,} are looked at", err=True)
                return traffic
            found = in_letters(letters_of(page), workspace)
            traffic.came.extend(found.came)
            traffic.refused.update(found.refused)
    return traffic


def _key(came: Came) -> str:
    properties: Any = came.properties
    return str(properties.name if properties.kind == "custom" else properties.kind)


def _nameable(came: Came) -> bool:
    properties: Any = came.properties
    return can_be_planned(properties.kind, _key(came))


def _show(found: dict[str, Tried]) -> None:
    if not found:
        typer.echo("nothing came in; look further back with --since")
        return
    table = Table("event", "events", "violations", "refused", "field", "rule", "of", box=None)
    for event, one in sorted(found.items()):
        rows = one.wrong.most_common() or [(("", ""), 0)]
        for number, ((place, rule), times) in enumerate(rows):
            counts = (event, str(one.events), str(one.violations), str(one.refused))
            head = ("", "", "", "") if number else counts
            table.add_row(*head, place, rule, str(times or ""))
    Console().print(table)


def _tell_of(traffic: Traffic, called_like_kinds: int, masked: int) -> None:
    """On stderr, what is not in the result."""
    said: Counter[str] = Counter(
        {f"that ingest refuses in any case ({why})": n for why, n in traffic.refused.items()}
    )
    said["of custom events that are called like a kind: no plan can name them"] = called_like_kinds
    for what, times in said.items():
        if times:
            typer.echo(f"left out: {times} {what}", err=True)
    if masked:
        typer.echo(f"left out: {masked} events whose names may be personal", err=True)
