"""Which workspace a command is about: the one that is named, or the only one there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

import typer

from services.common.settings import Settings
from services.common.workspace import Workspace
from services.common.workspace_files import WorkspaceError, load_workspaces

#: The option of all commands that are about one workspace.
Named = Annotated[str | None, typer.Option("--workspace", help="Which one, if there are several")]

Known = TypeVar("Known")


def workspace_named(settings: Settings, name: str | None) -> Workspace:
    """The workspace. typer.BadParameter where its files are wrong, or where it is not clear."""
    try:
        known = load_workspaces(settings.workspace)
    except (WorkspaceError, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="RAPPORT_WORKSPACE") from None
    if not name and len(known) == 1:
        return next(iter(known.values()))
    return one_of(known, name, "--workspace")


def one_of(known: Mapping[str, Known], name: str | None, option: str) -> Known:
    """The one of this name. typer.BadParameter says which there are."""
    if not name or name not in known:
        names = ", ".join(sorted(known)) or "none so far"
        said = f"{name!r} is not known" if name else "say which"
        raise typer.BadParameter(f"{said}; there are: {names}", param_hint=option)
    return known[name]
