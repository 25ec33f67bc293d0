"""`rapport identity plan|apply`: what changed identity rules do to people, and doing it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.chosen import Named as NamedWorkspace
from services.cli.chosen import one_of
from services.cli.identity.reading import Reading, reading
from services.cli.identity.regroup import Regrouping
from services.cli.identity.tally import Tally
from services.cli.identity.walk import components, watched
from services.cli.letters.handled import publisher
from services.cli.workspace import apply as apply_workspace
from services.cli.workspace_changes import Change, changes
from services.cli.workspace_swap import former_of
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.common.workspace_files import WorkspaceError, load_workspaces
from services.profile.domain.rule_change import change
from services.profile.domain.rules import Rules
from services.profile.rules import rules_of

#: Fields of identity.yaml that only the door reads.
DOOR: Final = frozenset({"spelling", "found_in", "external_ids", "default_region"})
_AT_THE_DOOR: Final = "at the door only"
_OF_PEOPLE: Final = "old links are judged by it as well: people are grouped anew"

AsJson = Annotated[bool, typer.Option("--json", help="one JSON object, for scripts")]


def plan(
    draft: Annotated[Path, typer.Argument(help="a folder that may become the running one")],
    workspace: NamedWorkspace = None,
    as_json: AsJson = False,
) -> None:
    """Which profiles the identity rules of a draft would merge, split and leave, and why."""
    with reading(workspace) as source:
        wanted = one_of(_load(draft), source.owner.name, "DRAFT")
        found = list(_changes(source.owner, wanted))
        tally = _tally(source, rules_of(wanted)) if _regroups(source.rules, wanted) else None
    if as_json:
        told = [{**one._asdict(), "place": ".".join(one.place)} for one in found]
        typer.echo(json.dumps({"changes": told, "people": tally.as_object() if tally else None}))
        return
    for line in _lines(found, tally):
        typer.echo(line)
    if tally is not None and tally.differing:
        typer.echo(f"to do it: rapport identity apply {draft}")


def apply(
    draft: Annotated[
        Path | None, typer.Argument(help="becomes the running one; without it: go on")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a draft the running workspace, then have everybody whom it changes decided on anew."""
    if draft is not None:
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            apply_workspace(draft, yes=yes)
    running, former = _load(Settings().workspace), _former()
    said = {}
    for name in running:
        with reading(name) as source:
            before = former.get(name)
            source.note("identity_rules.applied", None, rules=source.rules.mark)
            work = Regrouping(
                source, publisher(source.settings), rules_of(before) if before else None
            )
            with watched("regrouping") as watch:
                work.run(watch)
        said[name] = {"components_regrouped": work.asked, "people": work.tally.as_object()}
        if not as_json:
            for line in _result(name, work):
                typer.echo(line)
    if as_json:
        typer.echo(json.dumps(said))


def _regroups(running: Rules, wanted: Workspace) -> bool:
    return rules_of(wanted).mark != running.mark


def _tally(source: Reading, wanted: Rules) -> Tally:
    tally, seen = Tally(), set[bytes]()
    with watched("looking") as watch:
        for stood in components(source.client, source.owner.name, watch):
            found = change(stood.component, source.rules, wanted)
            if found.differs:
                if stood.key in seen:
                    continue
                seen.add(stood.key)
            tally.add(found)
    return tally


def _changes(running: Workspace, wanted: Workspace) -> Iterator[Change]:
    for one in changes({running.name: running}, {wanted.name: wanted}):
        if one.place[1:2] == ("identity",):
            at_the_door = not DOOR.isdisjoint(one.place)
            means = f"{_AT_THE_DOOR}: {one.means}" if at_the_door else _OF_PEOPLE
            yield one._replace(means=means)


def _lines(found: list[Change], tally: Tally | None) -> Iterator[str]:
    if not found:
        yield "the identity rules of the draft are those in force"
    for one in found:
        yield f"{one}"
        yield f"    {one.means}"
    if tally is not None:
        yield from tally.lines()
    elif found:
        yield "nobody is grouped anew"


def _result(name: str, work: Regrouping) -> Iterator[str]:
    if not work.asked:
        yield f"{name}: everybody stands by the rules in force, or looks the same by them"
        return
    yield f"{name}: {work.asked:,} components were decided on anew; profiles and redirects follow"
    if work.tally.components:
        yield from work.tally.lines()


def _former() -> dict[str, Workspace]:
    """The version before the running one, where it is kept and right."""
    try:
        return load_workspaces(former_of(Settings().workspace))
    except (WorkspaceError, OSError):
        return {}


def _load(folder: Path) -> dict[str, Workspace]:
    try:
        return load_workspaces(folder)
    except WorkspaceError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
