"""`rapport rebuild`: profiles made again from the log, while everything goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn
from urllib.parse import urlsplit, urlunsplit

import redis
import typer
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from services.cli.rebuild.report import as_object, lines, why_cut
from services.common import clients
from services.common.ports import OUTAGES
from services.common.run import settle_memory
from services.common.settings import Settings
from services.common.topic_log import NotRead
from services.common.workspace_files import WorkspaceError, load_workspaces
from services.profile.rebuild.lock import Lock, Locked
from services.profile.rebuild.run import Cut, Rebuild, Result, Wanted, Watch, opened
from services.profile.rebuild.shadow import NotOurs, drop

app = typer.Typer(
    help="Profiles made again from the log: the way back after a bug.", no_args_is_help=True
)

Shadow = Annotated[
    str,
    typer.Option(
        "--shadow",
        help="URL of an empty Redis database to work in; default: the one behind RAPPORT_REDIS's",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="the report as one JSON object")]


@app.command()
def profiles(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="compare only, write nothing")] = False,
    newer_only: Annotated[
        bool,
        typer.Option(
            "--newer-only",
            help="the log no longer begins at the beginning: rebuild who began later, "
            "and leave who is older as they are",
        ),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="read the log anew, whatever an earlier run has read")
    ] = False,
    shadow: Shadow = "",
    as_json: AsJson = False,
) -> None:
    """Read the log into a shadow, compare it with the live profiles, and mend what differs.

    profile goes on meanwhile: deploy the mended code first. Interrupted, run it again.
    """
    settings = Settings()
    wanted = Wanted(shadow or _next_database(settings), dry_run, fresh, newer_only)
    result = _run(settings, wanted)
    if as_json:
        typer.echo(json.dumps(as_object(result, dry_run=dry_run)))
    else:
        for line in lines(result, dry_run=dry_run):
            typer.echo(line)
    if result.left or result.poisoned:
        raise typer.Exit(1)


@app.command("drop")
def drop_(shadow: Shadow = "") -> None:
    """Remove the shadow that a dry run or an interrupted one has left in Redis."""
    settings = Settings()
    try:
        with (
            clients.redis_client(settings) as live,
            clients.redis_client(_at(settings, shadow or _next_database(settings))) as client,
        ):
            lock = Lock(live)
            lock.take()
            there = drop(client)
            lock.leave()
    except (Locked, redis.RedisError) as error:
        _stop(str(error))
    typer.echo("the shadow is removed" if there else "there is no shadow")


def _run(settings: Settings, wanted: Wanted) -> Result:
    for engine in ("Kafka", "Redis"):
        if fault := clients.missing(settings, engine):
            _stop(fault)
    try:
        workspaces = load_workspaces(settings.workspace)
    except (WorkspaceError, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="RAPPORT_WORKSPACE") from None
    settle_memory()
    try:
        with opened(settings, workspaces, wanted) as ground, _shown() as watch:
            result = Rebuild(settings, workspaces, wanted, ground, watch).run()
            if not wanted.dry_run and not result.left:
                drop(ground.shadow)
            return result
    except Cut as cut:
        _stop(why_cut(cut.beginning))
    except (Locked, NotOurs) as error:
        _stop(str(error))
    except (*OUTAGES, NotRead, redis.RedisError, KafkaException) as error:
        _stop(f"{error}\nwhat is written is whole; run it again, and it goes on")
    except KeyboardInterrupt:
        _stop("interrupted: what is written is whole; run it again, and it goes on")


def _next_database(settings: Settings) -> str:
    """RAPPORT_REDIS with the number of its database one higher."""
    parts = urlsplit(clients.address(settings, "Redis"))
    number = int(parts.path.strip("/") or 0) + 1
    return urlunsplit(parts._replace(path=f"/{number}"))


def _at(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"redis": url})


def _stop(why: str) -> NoReturn:
    Console(stderr=True).print(why, markup=False, style="red", soft_wrap=True)
    raise typer.Exit(1) from None


@contextmanager
def _shown() -> Iterator[Watch]:
    """A bar for each phase at a terminal; nothing where nobody looks."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _phase, _done, _of: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        tasks = {}

        def watch(phase: str, done: int, of: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=of or None)
            bars.update(tasks[phase], completed=done, description=f"{phase}: {done:,}")

        yield watch
