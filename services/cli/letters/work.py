"""`rapport dead-letters redrive|edit|discard`: letters are mended and sent again, or given up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from services.cli.letters import run as runs
from services.cli.letters.back import back_as
from services.cli.letters.edit import NoEditor, edited, text_of
from services.cli.letters.handled import NotPublished, new_run, now, publisher
from services.cli.letters.letter import Letter, Which, letters_of, pages_of
from services.cli.letters.options import AsJson, State, checked_id, filtered, in_state
from services.cli.letters.rules import BadRule, rule_of_file, rule_of_options, told
from services.cli.letters.ways import Held
from services.common.clients import EngineMissing
from services.common.masking import masked
from services.common.settings import Settings
from services.common.suppression_log import listed_now
from services.common.topic_log import NotRead
from services.common.workspace_files import WorkspaceError, load_workspaces
from services.ingest.keys import Doors

All = Annotated[bool, typer.Option("--all", help="all of this state, without another filter")]
Rule = Annotated[Path | None, typer.Option(help="YAML file of operations")]
Several = list[str] | None
DryRun = Annotated[bool, typer.Option("--dry-run", help="only say what would be let in")]


@filtered
def redrive(
    which: Which,
    state: State = "open",
    rule: Rule = None,
    rename: Annotated[Several, typer.Option(help="old=new")] = None,
    set_: Annotated[Several, typer.Option("--set", help="path=value")] = None,
    cast: Annotated[
        Several, typer.Option(help="path=number, integer, text, boolean or time")
    ] = None,
    drop: Annotated[Several, typer.Option(help="path")] = None,
    everything: All = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Mend letters by a rule and send them again, the way they had come.

    The rule's file comes first, then --rename, --set, --cast and --drop. What the door would refuse
    still stays open. Nothing is doubled: not by doing it twice, nor by killing it.
    """
    which = in_state(which, state)
    _narrowed(which, everything)
    with _faults():
        operations = rule_of_file(rule) if rule else []
        operations += rule_of_options(rename or (), set_ or (), cast or (), drop or ())
        mend = runs.Mend(operations, _doors(), Settings())
        pages = pages_of(which)
        with _progress(pages) as done:
            if dry_run:
                tally = runs.rehearse(pages, mend, done)
            else:
                run = new_run(rule=told(operations))
                tally = runs.redrive(pages, mend, run, publisher(Settings()), done)
    _tell(tally, "would be sent again" if dry_run else "sent again", as_json)


@filtered
def discard(
    which: Which,
    why: Annotated[str, typer.Option("--because", help="in your words; it is kept")],
    everything: All = False,
    as_json: AsJson = False,
) -> None:
    """Give open letters up. They are only marked: the bytes stay as long as all others."""
    if not why.strip():
        raise typer.BadParameter("say why: --because 'test traffic'")
    _narrowed(which, everything)
    with _faults():
        pages = pages_of(which)
        with _progress(pages) as done:
            run = new_run(why=masked(why))
            tally = runs.discard(pages, run, publisher(Settings()), done)
    _tell(tally, "given up", as_json)


def edit(id: Annotated[str, typer.Argument(help="as list prints it")]) -> None:
    """Open one in $EDITOR; what is saved is judged like any call, and sent again if it is good."""
    letter = _one(checked_id(id))
    with _faults():
        doors = _doors()
        before = text = text_of(letter)
        while True:
            text = edited(text)
            if text == before:
                typer.echo("nothing was changed; nothing is sent")
                return
            sent = _as_edited(letter, text, doors)
            if not isinstance(sent, Held):
                break
            typer.echo(f"still refused, {sent.reason}: {masked(sent.detail)}", err=True)
            if not typer.confirm("Edit it again?", default=True, err=True):
                raise typer.Exit(1)
        tally = runs.Tally()
        plan = runs.planned(iter([(letter, sent)]), tally, now())
        settings = Settings()
        runs.send(plan, new_run(rule="edited by hand"), publisher(settings), settings)
    _tell(tally, "sent again", as_json=False)


def _as_edited(letter: Letter, text: str, doors: Doors) -> Any:
    if letter.service != "ingest":
        return Held("not_a_call", f"only calls can be edited; this is a record of {letter.topic}")
    return back_as(letter, text.encode(), doors, now())


def _one(id: str) -> Letter:
    for letter in letters_of(Which(state="all", ids=(id,))):
        return letter
    typer.echo("there is none with this id", err=True)
    raise typer.Exit(1)


def _narrowed(which: Which, everything: bool) -> None:
    """A slip of the pen should not concern them all."""
    if which.everything() and not everything:
        raise typer.BadParameter("say which: a filter such as --reason bad_time, or --all")


def _doors() -> Doors:
    """The doors as ingest has them, with the list of who must not get in as it is now."""
    settings = Settings()
    workspaces = load_workspaces(settings.workspace)
    return Doors(workspaces, settings.salt, listed_now(settings))


@contextmanager
def _faults() -> Iterator[None]:
    """What is missing or wrong is said in a line, and the command ends with 1."""
    try:
        yield
    except (BadRule, EngineMissing, NoEditor, NotPublished, NotRead, WorkspaceError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@contextmanager
def _progress(pages: Sequence[Which]) -> Iterator[runs.Progress]:
    """A bar on a terminal, and nothing when piped."""
    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("letters", total=sum(len(page.ids) for page in pages))
        yield lambda letters: bar.advance(task, letters)


def _tell(tally: runs.Tally, done: str, as_json: bool) -> None:
    if as_json:
        said = {
            "letters": tally.letters,
            "passed": tally.passed,
            "records": tally.records,
            "arrived_before": tally.arrived,
            "suppressed": tally.suppressed,
            "held": dict(tally.held.most_common()),
            "examples": tally.examples,
        }
        typer.echo(json.dumps(said))
        return
    typer.echo(f"{tally.passed} of {tally.letters} letters {done}")
    if tally.suppressed:
        typer.echo(f"{tally.suppressed} are suppressed: somebody in them must not get in")
    if tally.arrived:
        typer.echo(f"{tally.arrived} events of them had arrived before and are not sent")
    for reason, letters in tally.held.most_common():
        typer.echo(f"{letters} stay: {reason}")
        for example in tally.examples[reason]:
            typer.echo(f"    {example}")
