"""`rapport workspace`: is the folder of YAML files right?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from services.common.settings import Settings
from services.common.workspace import Workspace
from services.common.workspace_files import Problem, WorkspaceError, load_workspaces

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
