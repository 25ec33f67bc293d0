"""`rapport suppress`: who must not get in, or not any more; values are never kept or printed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from schemas.suppression import Suppression
from services.cli.chosen import Named, workspace_named
from services.cli.erase.erasures import all_erasures
from services.cli.letters.handled import who_is_here
from services.cli.query import as_table
from services.cli.suppress.typed import Name, moment_of_until, names_of_file, one_name
from services.common import clients
from services.common.batch import Output
from services.common.ports import PublishFailed
from services.common.settings import Settings
from services.common.spelling import Spellings
from services.common.suppression import Act, Writer, lifted, publish, salt_mark
from services.common.suppression_log import entries, hash_of
from services.common.topic_log import NotRead
from services.common.workspace import Workspace

app = typer.Typer(
    help="Who must not get in: hashes of identifiers, never the identifiers.",
    no_args_is_help=True,
)

CHUNK: Final = 5_000
SOON: Final = "ingest keeps them out within a second"

Kind = Annotated[
    str | None, typer.Argument(help="a kind of identity.yaml: user_id, email, phone...")
]
Value = Annotated[str | None, typer.Argument(help="as senders write it; - reads it from stdin")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line, for scripts")]
Entry = tuple[bytes, Suppression | None]


@app.command()
def add(
    kind: Kind = None,
    value: Value = None,
    file: Annotated[
        Path | None, typer.Option(help="CSV of kind,value", exists=True, dir_okay=False)
    ] = None,
    reason: Annotated[str, typer.Option(help="erased, asked, legal or another word")] = "asked",
    until: Annotated[str | None, typer.Option(help="a day: from then on it holds no more")] = None,
    workspace: Named = None,
    as_json: AsJson = False,
) -> None:
    """Keep somebody out: no event that names them is let in, and nothing of it is kept."""
    settings = Settings()
    chosen = workspace_named(settings, workspace)
    owner, writer, now = chosen.name, _writer(settings, chosen), datetime.now(UTC)
    if not 0 < len(reason) <= 100:
        raise typer.BadParameter("--reason is a word of up to 100 characters")
    if file is not None and kind is not None:
        raise typer.BadParameter("say KIND and VALUE, or --file, not both")
    act = Act(owner, who_is_here(), now, reason, moment_of_until(until, now))
    names = names_of_file(writer, file) if file else [one_name(writer, kind, value)]
    with _faults():
        whole = [each for name in names for each in writer.names(*name)]
        _published(settings, (writer.suppressed(*name, act) for name in whole), len(whole))
    if as_json:
        _say({"workspace": owner, "suppressed": len(names), "hashes": _hashes(writer, names)})
        return
    typer.echo(f"suppressed: {_counted(names)} of workspace {owner} ({reason}); {SOON}")
    if not settings.salt:
        typer.echo("RAPPORT_SALT is empty: set it before, or the hashes can be guessed", err=True)


@app.command()
def remove(
    kind: Kind = None,
    value: Value = None,
    hash: Annotated[
        str | None, typer.Option("--hash", help="as list prints it, instead of KIND and VALUE")
    ] = None,
    workspace: Named = None,
    as_json: AsJson = False,
) -> None:
    """Let somebody in again: events that come from now on."""
    settings = Settings()
    chosen = workspace_named(settings, workspace)
    owner, writer = chosen.name, _writer(settings, chosen)
    hashed, *with_it = _asked_for(writer, kind, value, hash)
    with _faults():
        known = entries(settings)
        there = hashed in known
        if there and (erasure := _erasure_of(settings, hashed)):
            typer.echo(
                f"they were erased ({erasure}), so what names them is dropped until you let them "
                f"in again as somebody new: rapport erase lift {erasure}",
                err=True,
            )
            raise typer.Exit(1)
        if there:
            act = Act(owner, who_is_here(), datetime.now(UTC))
            records = [lifted(one, act) for one in (hashed, *with_it) if one in known]
            _published(settings, records, len(records))
    if as_json:
        _say({"workspace": owner, "hash": hashed.hex(), "removed": there})
    elif there:
        typer.echo("removed: it is let in again within a second; what was dropped stays lost")
    else:
        typer.echo(f"not on the list of workspace {owner}: rapport suppress list", err=True)
    if not there:
        raise typer.Exit(1)


@app.command("list")
def list_(
    workspace: Annotated[str, typer.Option(help="only of this workspace")] = "",
    kind: Annotated[str, typer.Option(help="only of this kind")] = "",
    reason: Annotated[str, typer.Option(help="only for this reason")] = "",
    most: Annotated[int, typer.Option(min=1, help="so many, newest first")] = 50,
    as_json: AsJson = False,
) -> None:
    """Hashes, reasons and dates, newest first, and how many of each; never a value."""
    settings = Settings()
    with _faults():
        found = [
            entry
            for entry in entries(settings).items()
            if _is_meant(entry[1], workspace, kind, reason)
        ]
    found.sort(key=_since, reverse=True)
    now, mark = datetime.now(UTC), salt_mark(settings.salt)
    rows = [_row(entry, now, mark) for entry in found]
    if as_json:
        for row in rows[:most]:
            _say(row)
        return
    if not rows:
        typer.echo("none")
        return
    Console(soft_wrap=True).print(
        as_table(tuple(rows[0]), [tuple(row.values()) for row in rows[:most]])
    )
    for (of, kinds, why, state), count in sorted(
        Counter(
            (row["workspace"], row["kind"], row["reason"], row["state"]) for row in rows
        ).items()
    ):
        typer.echo(f"{count:>9,}  {of}, {kinds}, {why}: {state}")


@app.command()
def check(
    kind: Kind = None, value: Value = None, workspace: Named = None, as_json: AsJson = False
) -> None:
    """Say whether somebody is kept out, since when and why."""
    settings = Settings()
    chosen = workspace_named(settings, workspace)
    owner = chosen.name
    hashed, *_ = _asked_for(_writer(settings, chosen), kind, value, None)
    with _faults():
        known = entries(settings)
    row: dict[str, Any] = {}
    if hashed in known:
        row = _row((hashed, known[hashed]), datetime.now(UTC), salt_mark(settings.salt))
    holds = row.get("state") in ("holds", "unreadable")
    if as_json:
        _say({"suppressed": holds, "workspace": owner, "hash": hashed.hex()} | row)
    elif not row:
        typer.echo(f"not suppressed: it is not on the list of workspace {owner}")
    else:
        said = "suppressed" if holds else "not suppressed any more"
        until = f" until {row['until']}" if row["until"] else ""
        typer.echo(f"{said}: {row['reason']}, since {row['since']}{until}, by {row['who']}")


def _writer(settings: Settings, workspace: Workspace) -> Writer:
    return Writer(settings.salt, workspace.name, Spellings(workspace.identity))


def _asked_for(
    writer: Writer, kind: str | None, value: str | None, said: str | None
) -> list[bytes]:
    """The hash that is meant, then those that were suppressed with it. BadParameter."""
    if said is None:
        whole = writer.names(*one_name(writer, kind, value))
        return [writer.hashed(*name) for name in whole]
    if kind is not None or (hashed := hash_of(said.encode())) is None:
        raise typer.BadParameter("--hash is 32 digits as list prints them, without KIND and VALUE")
    return [hashed]


def _erasure_of(settings: Settings, hashed: bytes) -> UUID | None:
    """The erasure that put it on the list, unless it was lifted."""
    for one in all_erasures(settings).values():
        if one.lifted_at is None and hashed.hex() in {each.hash for each in one.identifiers}:
            return one.erasure_id
    return None


def _published(settings: Settings, records: Iterable[Output], count: int) -> None:
    """Every record is acknowledged by Kafka. NotRead, PublishFailed."""
    if fault := clients.missing(settings, "Kafka"):
        raise NotRead(fault)
    clients.ensure_topics(settings)
    producer = clients.producer(settings, **{"message.timeout.ms": 20_000})
    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("suppressing", total=count)
        chunk: list[Output] = []
        for record in records:
            chunk.append(record)
            if len(chunk) == CHUNK:
                publish(producer, chunk)
                bar.advance(task, len(chunk))
                chunk = []
        publish(producer, chunk)
        bar.advance(task, len(chunk))


@contextmanager
def _faults() -> Iterator[None]:
    """What is missing is said in a line, and the command ends with 1."""
    try:
        yield
    except (NotRead, PublishFailed) as error:
        typer.echo(f"{error}\nrun it again: what is on the list already stays as it is", err=True)
        raise typer.Exit(1) from None


def _is_meant(entry: Suppression | None, workspace: str, kind: str, reason: str) -> bool:
    if entry is None:  # it can not be read, so it may be any
        return True
    return all(
        asked in ("", said)
        for asked, said in (
            (workspace, entry.workspace),
            (kind, entry.kind),
            (reason, entry.reason),
        )
    )


def _since(entry: Entry) -> datetime:
    return entry[1].at if entry[1] else datetime.max.replace(tzinfo=UTC)


def _row(entry: Entry, now: datetime, mark: str) -> dict[str, Any]:
    hashed, said = entry
    names = ("since", "workspace", "kind", "reason", "until", "who", "state", "hash")
    if said is None:
        return dict.fromkeys(names, "") | {"state": "unreadable", "hash": hashed.hex()}
    state = "holds"
    if said.salt != mark:
        state = "other salt"
    elif said.until is not None and said.until <= now:
        state = "expired"
    until = said.until.isoformat(timespec="seconds") if said.until else ""
    since = said.at.isoformat(timespec="seconds")
    values = (since, said.workspace, said.kind, said.reason, until, said.who, state, said.hash)
    return dict(zip(names, values, strict=True))


def _counted(names: Sequence[Name]) -> str:
    kinds = Counter(name.kind for name in names)
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items())) or "nobody"


def _hashes(writer: Writer, names: Sequence[Name]) -> list[str]:
    return [writer.hashed(*name).hex() for name in names]


def _say(said: dict[str, Any]) -> None:
    typer.echo(json.dumps(said))
