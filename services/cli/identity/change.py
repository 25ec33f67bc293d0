"""`rapport identity merge|unmerge`: a request that joins two people, or parts what was joined."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import uuid4

import typer

from services.cli.chosen import Named as NamedWorkspace
from services.cli.identity.named import Named
from services.cli.identity.reading import Reading, Unanswered, components_of, reading
from services.cli.identity.requests import Request, send, until_taken
from services.cli.identity.why_text import end_text, moment_text, profile_text, why_lines
from services.common.audit_log import who_is_here
from services.common.workspace import Workspace
from services.profile.domain.component import kind_name
from services.profile.domain.ties import Tie
from services.profile.domain.why import Answer, Why, apart_between
from services.profile.domain.why import why as why_of
from services.profile.lookup import Located
from services.profile.why_json import why_json

One = Annotated[str, typer.Argument(help="KIND:VALUE, or a profile's id")]
Because = Annotated[str, typer.Option(help="in your words; it is kept with the request")]
By = Annotated[str | None, typer.Option(help="who asks for it; else who is logged in")]
Wait = Annotated[float, typer.Option(min=0, help="seconds to wait for profile; 0: do not")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object, for scripts")]

REASON_CHARACTERS_MAX = 500


def merge(
    one: One,
    other: One,
    reason: Because,
    by: By = None,
    overrule: Annotated[
        bool, typer.Option("--overrule", help="though these two were set apart on request")
    ] = False,
    wait: Wait = 30.0,
    workspace: NamedWorkspace = None,
    as_json: AsJson = False,
) -> None:
    """Ask that two people be one, whatever limits say; `unmerge` of the same two undoes it."""
    with reading(workspace) as source:
        names = source.two_named(one, other)
        before = _found(source, names)
        if before.answer is Answer.ONE:
            said = f"{names[0]} and {names[1]} are one person already"
            raise Unanswered(f"{said}: `rapport identity why` tells which links tie them")
        places = tuple(source.located(name) for name in names)
        pair = _identifiers(source, names)
        _not_set_apart(source, places, pair, overrule)
        _ask(source, _request(source.owner, "merge", pair, reason, by), before, wait, as_json)


def unmerge(
    one: One,
    other: One,
    reason: Because = "",
    by: By = None,
    wait: Wait = 30.0,
    workspace: NamedWorkspace = None,
    as_json: AsJson = False,
) -> None:
    """Ask that two identifiers of one person be two people, as if they had never been joined."""
    with reading(workspace) as source:
        names = source.two_named(one, other)
        before = _found(source, names)
        if before.answer is not Answer.ONE:
            said = "\n".join(why_lines(before, *names))
            raise Unanswered(f"{said}\nthere is nothing to part")
        pair = _identifiers(source, names)
        _ask(source, _request(source.owner, "unmerge", pair, reason, by), before, wait, as_json)


def _found(source: Reading, names: tuple[Named, Named]) -> Why:
    one, other = (source.located(name) for name in names)
    return why_of(components_of(one, other), source.rules, one.node, other.node)


def _identifiers(source: Reading, names: tuple[Named, Named]) -> tuple[Named, Named]:
    """The same as identifiers: of a profile, the one that its id is the name of."""
    one, other = (_identifier(source.located(name)) for name in names)
    if one.node == other.node:
        raise typer.BadParameter(f"both are {one}: name two different identifiers")
    return one, other


def _identifier(place: Located) -> Named:
    node = next(node for node in place.component.nodes if node.id == place.node)
    return Named(node.id, kind_name(node.kind), node.value)


def _not_set_apart(
    source: Reading, places: tuple[Located, ...], pair: tuple[Named, Named], overrule: bool
) -> None:
    """Unanswered: a person has said that they are two, and a merge of these would not help."""
    one, other = places
    asked = {pair[0].node, pair[1].node}
    for word in apart_between(components_of(one, other), source.rules, one.node, other.node):
        same = {end.node for end in word[:2]} == asked
        if same and overrule:
            continue
        said = f"{end_text(word.one)} and {end_text(word.other)} were set apart {_told(word)}"
        again = "add --overrule" if same else "merge these two with --overrule"
        raise Unanswered(f"{said}; to join these people all the same: {again}")


def _told(word: Tie) -> str:
    return f"at {moment_text(word.at)} by event {_event(word)}"


def _event(word: Tie) -> str:
    digits = word.event.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _request(
    owner: Workspace,
    what: Literal["merge", "unmerge"],
    pair: tuple[Named, Named],
    reason: str,
    by: str | None,
) -> Request:
    if len(reason) > REASON_CHARACTERS_MAX:
        raise typer.BadParameter(f"--reason has more than {REASON_CHARACTERS_MAX} characters")
    if what == "merge" and not reason.strip():
        raise typer.BadParameter("say why: --reason 'same address and birthday'")
    types = [rule.external_types for rule in owner.identity.kinds if rule.kind == pair[0].kind]
    external = types[0][0] if types and types[0] else pair[0].kind
    who = (by or who_is_here())[:200]
    return Request(what, *pair, reason, who, f"identity-{uuid4()}", external)


def _ask(source: Reading, request: Request, before: Why, wait_s: float, as_json: bool) -> None:
    """Send it, wait for profile, and tell what became of it. Exit 1: it is not so (yet)."""
    workspace, salt = source.owner.name, source.settings.salt
    event = request.event_id(workspace)
    for profile in dict.fromkeys(before.profiles):
        what = f"profile.{request.what}_requested"
        source.note(what, profile, event_id=event, requested_by=request.by)
    send(source.settings, workspace, request, datetime.now(UTC))
    if not as_json:
        typer.echo(f"requested: event {event}")
    taken = until_taken(source.store, salt, workspace, request.message_id, wait_s)
    now = _found(source, (request.one, request.other)) if taken else None
    reached = now is not None and (now.answer is Answer.ONE) == (request.what == "merge")
    if as_json:
        said = {"event_id": event, "taken": taken, "reached": reached}
        typer.echo(json.dumps(said | (why_json(now) if now else {})))
    elif now is None:
        typer.echo(_late(request, wait_s), err=wait_s > 0)
    else:
        typer.echo("\n".join(_outcome(request, now, reached)))
    if not reached and wait_s > 0:
        raise typer.Exit(1)


def _outcome(request: Request, now: Why, reached: bool) -> list[str]:
    one, other = request.one, request.other
    if not reached:
        wanted = "one person" if request.what == "merge" else "two people"
        return [
            f"they are not {wanted}, though profile has the request:",
            *why_lines(now, one, other),
        ]
    if request.what == "merge":
        return [f"{one} and {other} are one person now: {profile_text(now.profiles[0])}"]
    pairs = zip((one, other), now.profiles, strict=True)
    return ["two people now:", *(f"    {name} is {profile_text(who)}" for name, who in pairs)]


def _late(request: Request, wait_s: float) -> str:
    look = f"rapport identity why {request.one.kind}:... {request.other.kind}:..."
    if not wait_s:
        return f"not waited for; look with `{look}`"
    return (
        f"profile has not taken it within {wait_s:g} s; it goes on by itself: look with `{look}`.\n"
        "If it never comes: `rapport status` says what runs, `rapport dead-letters list` what was "
        "refused"
    )
