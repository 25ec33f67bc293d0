"""`rapport workspace`: is the folder of YAML files right, what would change, make it so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from services.cli.workspace_changes import Change, changes, judges_anew
from services.cli.workspace_effect import all_follow, refused_lately
from services.cli.workspace_swap import FormerError, SwapError, alone, former_of, swap
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.common.workspace_files import Problem, WorkspaceError, load_workspaces
from services.common.workspace_version import version_of

app = typer.Typer(help="What belongs to a company: a folder of YAML files.", no_args_is_help=True)


@app.callback()
def workspace() -> None:
    """What belongs to a company: a folder of YAML files."""


@app.command("check")
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="the folder; without it RAPPORT_WORKSPACE")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="for scripts")] = False,
) -> None:
    """Read the files and say what is wrong, by file, line and field, with the mend. 1: it is."""
    try:
        found = load_workspaces(folder or Settings().workspace)
    except WorkspaceError as error:
        if as_json:
            problems = [_as_json(problem) for problem in error.problems]
            typer.echo(json.dumps({"ok": False, "problems": problems}))
        else:
            typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps({"ok": True, "workspaces": list(found)}))
    else:
        typer.echo("\n".join(map(_line, found.values())))


@app.command("plan")
def plan(
    draft: Annotated[Path, typer.Argument(help="a folder that may become the running one")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="for scripts")] = False,
) -> None:
    """What would change if this draft were applied, and what that means."""
    running, wanted = _running(), _load(draft)
    found = changes(running, wanted)
    versions = {"running": version_of(running), "draft": version_of(wanted)}
    if as_json:
        told = [{**change._asdict(), "place": ".".join(change.place)} for change in found]
        typer.echo(json.dumps({**versions, "changes": told}))
        return
    _show(found, wanted)
    typer.echo(f"running {versions['running']}, draft {versions['draft']}")


@app.command("apply")
def apply(
    draft: Annotated[Path, typer.Argument(help="the folder that becomes the running one")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Make a draft the running version: all of it at once; the former version is kept."""
    folder = Settings().workspace
    if draft.resolve() == folder.resolve():
        typer.echo(f"{draft} is the running one: ingest reads what is changed in it", err=True)
        raise typer.Exit(1)
    try:
        with alone(folder):
            applied = _applied(draft, folder, yes=yes)
    except SwapError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if applied is not None and not all_follow(Settings(), applied, typer.echo):
        raise typer.Exit(1)


def _applied(draft: Path, folder: Path, *, yes: bool) -> str | None:
    """The version that runs now; None when nothing would change."""
    running, wanted = _running(), _load(draft)
    found = changes(running, wanted)
    _show(found, wanted)
    if not found:
        return None
    if not yes:
        typer.confirm(f"apply {draft} to {folder}?", abort=True)
    former = former_of(folder)
    try:
        swap(draft, folder)
    except FormerError as error:
        typer.echo(str(error), err=True)
        former = error.kept
    typer.echo(f"applied {version_of(wanted)} to {folder}")
    if running:
        typer.echo(f"back to {version_of(running)}: rapport workspace apply {former}")
    return version_of(wanted)


def _load(folder: Path) -> dict[str, Workspace]:
    try:
        return load_workspaces(folder)
    except WorkspaceError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _running() -> dict[str, Workspace]:
    """What stands in the folder that the services read; nothing yet, or nothing right: none."""
    try:
        return load_workspaces(Settings().workspace)
    except WorkspaceError as error:
        typer.echo(
            f"the running folder is wrong, all of the draft counts as new:\n{error}", err=True
        )
        return {}


def _show(found: list[Change], wanted: dict[str, Workspace]) -> None:
    if not found:
        typer.echo("nothing would change")
    for change in found:
        typer.echo(f"{change}\n    {change.means}")
    if judges_anew(found):
        for one in (one for one in wanted.values() if one.plans):
            typer.echo(refused_lately(one))


def _as_json(problem: Problem) -> dict[str, str | int]:
    return {
        "file": str(problem.file),
        "line": problem.line,
        "field": problem.field,
        "what": problem.what,
        "mend": problem.mend,
    }


def _line(found: Workspace) -> str:
    sources, endpoints = len(found.sources), len(found.endpoints)
    kinds = len(found.identity.kinds)
    return (
        f"ok  {found.name}: {sources} sources, {kinds} identifier kinds, "
        f"{endpoints} endpoints, {found.currency}"
    )
