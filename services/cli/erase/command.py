"""`rapport erase`: one person, everywhere, with a receipt; goes on where it stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID, uuid4

import redis
import typer
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException

from schemas.base import derived_id, micros
from schemas.erasure import Erasure, ErasureState
from services.cli.chosen import Named, workspace_named
from services.cli.erase.desk import CanNot, Desk
from services.cli.erase.erasures import all_erasures, as_output, of_node, producer_of, published
from services.cli.erase.horizon import Kafka
from services.cli.erase.lifting import let_in_again
from services.cli.erase.readers import Readers, StillReading
from services.cli.erase.shown import id_of, shown, status
from services.cli.erase.steps import STEPS, as_identifiers
from services.cli.person.whom import (
    AlreadyErased,
    Name,
    Nobody,
    asked_name,
    asked_node,
    client_of,
    looked_up,
    text_of,
)
from services.common.audit import Act, NotKept
from services.common.audit_log import opened, who_is_here
from services.common.clients import EngineMissing, ensure_topics
from services.common.ports import PublishFailed
from services.common.settings import Settings
from services.common.suppression import salt_mark
from services.common.topic_log import NotRead
from services.common.workspace import Workspace

#: What the world may do to a command; it is safe to run it again.
FAULTS: Final = (
    StillReading,
    CanNot,
    NotRead,
    NotKept,
    PublishFailed,
    EngineMissing,
    KafkaException,
    redis.RedisError,
    ClickHouseError,
    OSError,
)

#: So long profile may take to read that somebody is let in.
LET_IN_WITHIN_S: Final = 60.0

Asked = Annotated[
    str | None, typer.Argument(help="KIND:VALUE or a profile id; or `status [ID]`, `lift ID`")
]


def erase(
    asked: Asked = None,
    of: Annotated[str | None, typer.Argument(help="of `status` and `lift`: this erasure")] = None,
    reason: Annotated[str, typer.Option(help="why; stands in the receipt")] = "",
    by: Annotated[str, typer.Option(help="who asks for it; else who is logged in")] = "",
    resume: Annotated[str, typer.Option(help="go on with this erasure")] = "",
    anyway: Annotated[bool, typer.Option(help="also if no profile is known under it")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    wait: Annotated[float, typer.Option(min=0, help="seconds to wait for each service")] = 60,
    workspace: Named = None,
    as_json: Annotated[bool, typer.Option("--json", help="the receipt as one JSON object")] = False,
) -> None:
    """Erase a person everywhere, with a receipt. Killed or stopped, --resume goes on."""
    settings = Settings()
    if asked in SHORT:
        with _faults(""):
            SHORT[asked](settings, of, as_json)
        return
    if resume:
        _go_on(settings, id_of(resume), wait, as_json)
        return
    if asked is None or not reason.strip():
        raise typer.BadParameter("say whom (KIND:VALUE or a profile id) and --reason")
    who = (by or who_is_here())[:200]
    with _faults(""):
        erasure = begun(settings, asked, reason.strip()[:500], who, workspace, anyway, yes)
    _go_on(settings, erasure.erasure_id, wait, as_json)


def lift(settings: Settings, of: str | None, as_json: bool) -> None:
    """Let them in again: what comes from now on is somebody new."""
    if of is None:
        raise typer.BadParameter("say which erasure: rapport erase lift ID")
    erasure = all_erasures(settings).get(id_of(of))
    if erasure is None or erasure.erased_at is None:
        typer.echo(f"there is no erasure {of} that has got so far: rapport erase status", err=True)
        raise typer.Exit(1)
    who = who_is_here()
    act = Act(who, "person.let_in_again", erasure.workspace, subject_of(erasure), {"erasure": of})
    opened(settings, "cli").note(act)
    with client_of(settings) as client:
        readers = Readers(settings, client, LET_IN_WITHIN_S)
        done = let_in_again(producer_of(settings), readers, erasure, who)
    if as_json:
        shown(done, as_json)
    else:
        typer.echo("let in within a second: what is received from now on makes a new profile")


#: What is asked of erasures that there are.
SHORT: Final = {"status": status, "lift": lift}


def begun(
    settings: Settings,
    asked: str,
    reason: str,
    who: str,
    workspace: str | None,
    anyway: bool,
    yes: bool,
) -> Erasure:
    """The request on record; typer.Exit where there is nothing to request."""
    owner = workspace_named(settings, workspace)
    node = asked_node(settings, owner, asked)
    ensure_topics(settings)
    with client_of(settings) as client:
        try:
            whom = looked_up(client, settings, owner, node)
            names, profile = whom.names, whom.profile
        except AlreadyErased as known:
            _say_erased(settings, known.node)
            raise typer.Exit(0) from None
        except Nobody as error:
            if not anyway or ":" not in asked:
                typer.echo(f"{error}. To erase what names it anyway: --anyway", err=True)
                raise typer.Exit(1) from None
            names, profile = (Name(*asked_name(owner, asked), node),), None
    if (running := of_node(all_erasures(settings).values(), node)) and not _is_over(running):
        typer.echo(f"this erasure is under way: rapport erase --resume {running.erasure_id}")
        raise typer.Exit(1)
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(x.kind for x in names).items()))
    told = f"profile {text_of(profile)}" if profile else "no profile"
    if not yes:
        typer.confirm(f"erase {told} of workspace {owner.name}, with {kinds}?", abort=True)
    return _requested(settings, owner, names, profile, reason, who)


def _requested(
    settings: Settings,
    owner: Workspace,
    names: tuple[Name, ...],
    profile: bytes | None,
    reason: str,
    who: str,
) -> Erasure:
    now, id = datetime.now(UTC), uuid4()
    erasure = Erasure(
        workspace=owner.name,
        erasure_id=id,
        event_id=derived_id("erasure", id, micros(now)),
        version=micros(now),
        state=ErasureState.REQUESTED,
        reason=reason,
        who=who,
        requested_at=now,
        changed_at=now,
        salt=salt_mark(settings.salt),
        identifiers=as_identifiers(settings, owner, names),
        profiles=(UUID(bytes=profile),) if profile else (),
    )
    details: dict[str, str | int | bool] = {"erasure": str(id), "identifiers": len(names)}
    opened(settings, "cli").note(
        Act(who, "person.erasure_requested", owner.name, subject_of(erasure), details)
    )
    published(producer_of(settings), as_output(erasure))
    if not settings.salt:
        typer.echo("RAPPORT_SALT is empty: whoever knows a value can find its hashes", err=True)
    typer.echo(f"erasure {id}; if it stops: rapport erase --resume {id}", err=True)
    return erasure


def _go_on(settings: Settings, id: UUID, wait: float, as_json: bool) -> None:
    with _faults(str(id)):
        erasure = all_erasures(settings).get(id)
        if erasure is None:
            typer.echo(f"there is no erasure {id}: rapport erase status", err=True)
            raise typer.Exit(1)
        erasure = carried_out(settings, erasure, wait)
    shown(erasure, as_json)


def carried_out(settings: Settings, erasure: Erasure, wait_s: float) -> Erasure:
    """Step by step, each noted before the next; until it is complete or only time is missing."""
    if erasure.salt != salt_mark(settings.salt):
        raise CanNot("RAPPORT_SALT is another than when this erasure was requested: set it back")
    owner = workspace_named(settings, erasure.workspace)
    kafka = Kafka(settings)
    for topic in kafka.bound():
        typer.echo(f"{topic} kept what is to go for longer; its settings are as the map says now")
    with client_of(settings) as client:
        readers = Readers(settings, client, wait_s)
        desk = Desk(settings, owner, client, producer_of(settings), readers, kafka)
        while (step := STEPS.get(erasure.state)) is not None:
            done = step(desk, erasure)
            if done.version == erasure.version:
                break
            published(desk.producer, as_output(done))
            typer.echo(f"{erasure.state} -> {done.state}", err=True)
            waits = done.state == erasure.state
            erasure = done
            if waits:
                break
    if erasure.state == ErasureState.COMPLETE:
        details: dict[str, str | int | bool] = {
            "erasure": str(erasure.erasure_id),
            "places": len(erasure.receipt),
        }
        act = Act(erasure.who, "person.erased", erasure.workspace, subject_of(erasure), details)
        opened(settings, "cli").note(act)
    return erasure


def _say_erased(settings: Settings, node: bytes) -> None:
    known = of_node(all_erasures(settings).values(), node)
    if known is None:
        typer.echo("this person was erased already; nothing is known under it any more")
    else:
        more = "" if _is_over(known) else f"; go on: rapport erase --resume {known.erasure_id}"
        typer.echo(
            f"this person was erased already, erasure {known.erasure_id}, state {known.state}{more}"
        )


def subject_of(erasure: Erasure) -> str:
    """Whom the audit trail names: a profile id, else the hash of an identifier."""
    return str(erasure.profiles[0]) if erasure.profiles else erasure.identifiers[0].node


def _is_over(erasure: Erasure) -> bool:
    return erasure.state in (ErasureState.WAITING, ErasureState.COMPLETE)


@contextmanager
def _faults(id: str) -> Iterator[None]:
    try:
        yield
    except FAULTS as error:
        again = f"\ngo on later: rapport erase --resume {id}" if id else ""
        typer.echo(f"{error}{again}", err=True)
        raise typer.Exit(1) from None
