"""`rapport identity`: who is one person and why, requests to change it, and changed rules."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer

from services.cli.chosen import Named as NamedWorkspace
from services.cli.identity import change
from services.cli.identity.named import Named
from services.cli.identity.reading import Reading, components_of, reading
from services.cli.identity.rules import apply, plan
from services.cli.identity.show_text import show_json, show_lines
from services.cli.identity.why_graph import dot, mermaid
from services.cli.identity.why_text import whole_lines, why_lines
from services.cli.identity.words import with_words
from services.profile.domain.ties import Tie
from services.profile.domain.why import Whole
from services.profile.domain.why import whole as whole_of
from services.profile.domain.why import why as why_of
from services.profile.why_json import whole_json, why_json

app = typer.Typer(help="Who is one person, why, and what rules make of it.", no_args_is_help=True)
app.command("merge")(change.merge)
app.command("unmerge")(change.unmerge)
app.command("plan")(plan)
app.command("apply")(apply)

Who = Annotated[str, typer.Argument(help="KIND:VALUE as senders write it, or a profile's id")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object, for scripts")]


class Drawn(StrEnum):
    """How a graph is written."""

    DOT = "dot"
    MERMAID = "mermaid"


@app.command()
def show(who: Who, workspace: NamedWorkspace = None, as_json: AsJson = False) -> None:
    """One person: identifiers, parts, refused links, ids that lead here, versions."""
    with reading(workspace) as source:
        name = source.named(who)
        found = source.located(name)
        whole = whole_of(found.component, source.rules, found.node)
        person = found.person(source.rules)
        source.note("profile.read", person.id, by="rapport identity show")
        whole = _with_words(source, whole)
        if as_json:
            typer.echo(json.dumps(show_json(found, person, whole, source.rules)))
        else:
            _say(show_lines(found, person, whole, source.rules))


@app.command()
def why(
    one: Who,
    other: Annotated[str | None, typer.Argument(help="the same of another one")] = None,
    graph: Annotated[Drawn | None, typer.Option(help="as Graphviz or Mermaid text")] = None,
    workspace: NamedWorkspace = None,
    as_json: AsJson = False,
) -> None:
    """Which links make two identifiers (or all of one person's) one, or why they are not."""
    with reading(workspace) as source:
        if other is None:
            _why_whole(source, source.named(one), graph, as_json)
        else:
            _why_two(source, source.two_named(one, other), graph, as_json)


def _why_whole(source: Reading, name: Named, graph: Drawn | None, as_json: bool) -> None:
    found = source.located(name)
    whole = whole_of(found.component, source.rules, found.node)
    source.note("profile.read", whole.profile, by="rapport identity why")
    whole = _with_words(source, whole)
    if graph is not None:
        ties = [*whole.ties, *whole.refused]
        typer.echo(
            dot(ties, whole.identifiers) if graph is Drawn.DOT else mermaid(ties, whole.identifiers)
        )
    elif as_json:
        typer.echo(json.dumps(whole_json(whole)))
    else:
        _say(whole_lines(whole, name))


def _why_two(
    source: Reading, names: tuple[Named, Named], graph: Drawn | None, as_json: bool
) -> None:
    one, other = (source.located(name) for name in names)
    found = why_of(components_of(one, other), source.rules, one.node, other.node)
    for profile in dict.fromkeys(found.profiles):
        source.note("profile.read", profile, by="rapport identity why")
    found = found._replace(chain=_told(source, found.chain), apart=_told(source, found.apart))
    ties: list[Tie] = [*found.chain, *found.apart]
    if graph is not None:
        typer.echo(dot(ties) if graph is Drawn.DOT else mermaid(ties))
    elif as_json:
        typer.echo(json.dumps({"asked": list(map(str, names))} | why_json(found)))
    else:
        _say(why_lines(found, *names))


def _with_words(source: Reading, whole: Whole) -> Whole:
    return whole._replace(ties=_told(source, whole.ties), refused=_told(source, whole.refused))


def _told(source: Reading, ties: tuple[Tie, ...]) -> tuple[Tie, ...]:
    return with_words(source.settings, source.owner.name, ties)


def _say(lines: Iterable[str]) -> None:
    typer.echo("\n".join(lines))
