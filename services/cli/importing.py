"""`rapport import`: a file of rows, by a mapping, through the door that HTTP's calls go through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from services.cli.chosen import Named, one_of, workspace_named
from services.cli.import_report import DryRun, as_object, report, say_json
from services.common import clients
from services.common.run import settle_memory
from services.common.settings import Settings
from services.common.suppression_log import Follower, opened_or_told
from services.common.topic_log import NotRead
from services.common.workspace import RowMapping, Workspace
from services.ingest.domain.mapped import Mapper
from services.ingest.door import Door
from services.ingest.importing import Import, Judge, KafkaRefused, Watch
from services.ingest.row_files import FileProblem, RowFile, open_rows
from services.ingest.tally import Progress as Kept
from services.ingest.tally import ProgressFile, Tally

#: The source of what a file brings, unless sources.yaml has one of kind file.
SOURCE: Final = "import"
WITHIN_MS: Final = 60_000

File = Annotated[
    Path,
    typer.Argument(
        help="CSV, JSON lines (both .gz too) or Parquet",
        dir_okay=False,
        exists=True,
        metavar="FILE",
    ),
]
Mapped = Annotated[
    str, typer.Option("--mapping", help="NAME of the workspace's mappings/NAME.yaml")
]
From = Annotated[str | None, typer.Option(help="A source of sources.yaml; else its one of files")]
DryRunning = Annotated[bool, typer.Option("--dry-run", help="Send nothing; no engine is needed")]
Again = Annotated[bool, typer.Option(help="Send the whole file again, though it has gone through")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object")]


def import_file(
    file: File,
    mapping: Mapped,
    workspace: Named = None,
    source: From = None,
    dry_run: DryRunning = False,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Bring in a file of rows; interrupted, the same command goes on where it was."""
    settings = Settings()
    owner = workspace_named(settings, workspace)
    chosen = _mapping(owner, mapping)
    judge = Judge(
        Mapper(mapping, chosen),
        Door(owner, _source(owner, source), settings.salt),
        file.name,
    )
    try:
        with open_rows(file, mapping, chosen) as rows:
            if dry_run:
                _try(rows, judge, as_json)
            else:
                _bring_in(settings, file, rows, judge, again, as_json)
    except FileProblem as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from None


def _try(rows: RowFile, judge: Judge, as_json: bool) -> None:
    tried = DryRun(judge, datetime.now(UTC))
    with _shown("trying") as watch:
        for batch in rows.batches(0):
            tried.take(batch)
            watch(rows.share_read(), tried.tally)
    if as_json:
        say_json(tried.as_object())
    else:
        tried.print()


def _bring_in(
    settings: Settings, file: Path, rows: RowFile, judge: Judge, again: bool, as_json: bool
) -> None:
    try:
        kept = _kept(settings, file, judge)
        began = _beginning(kept.read(), judge.mapper.mapping, again)
        if began.done:
            done, news = began, False
        else:
            done, news = _run(settings, rows, judge, kept, began), True
    except (clients.EngineMissing, KafkaException, KafkaRefused, NotRead, OSError) as error:
        _stopped(f"not all of it is in: {error}", "once it is mended, ")
    except KeyboardInterrupt:
        _stopped("interrupted", "")
    if as_json:
        say_json(as_object(done, judge, news))
    else:
        report(done, judge, news)


def _run(settings: Settings, rows: RowFile, judge: Judge, kept: ProgressFile, began: Kept) -> Kept:
    source = opened_or_told(settings)
    producer = clients.producer(settings, **{"message.timeout.ms": WITHIN_MS})
    if began.last_row:
        Console(stderr=True).print(f"going on behind row {began.last_row:,}", highlight=False)
    settle_memory()
    with closing(source), _shown("importing") as watch:
        follower = Follower(source, judge.door.listed, settings.salt)
        follower.catch_up()
        judge = replace(judge, before=follower.follow)
        return Import(judge, producer, kept, began, watch).run(rows)


def _kept(settings: Settings, file: Path, judge: Judge) -> ProgressFile:
    """Where this file's progress is: by its content, who it is for, and which Kafka has it."""
    admin = AdminClient(clients.kafka_config(settings))
    cluster = str(admin.list_topics(timeout=10).cluster_id)
    with file.open("rb") as content:
        digest = file_digest(content, partial(blake2b, digest_size=16)).hexdigest()
    return ProgressFile(settings.home, digest, *judge.door.sender, judge.mapper.name, cluster)


def _beginning(found: Kept | None, mapping: RowMapping, again: bool) -> Kept:
    """Where to go on; a changed mapping reads the file again, for the sake of what it refused."""
    digest = blake2b(mapping.model_dump_json().encode(), digest_size=16).hexdigest()
    if found is None:
        return Kept(digest, datetime.now(UTC).isoformat())
    return Kept(digest, found.received_at) if again or found.mapping != digest else found


@contextmanager
def _shown(title: str) -> Iterator[Watch]:
    """A bar at a terminal; nothing where nobody looks."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _unseen
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        task = bars.add_task(title, total=1.0)
        yield lambda share, tally: bars.update(
            task, completed=share, description=f"{title}: {tally.rows:,} rows"
        )


def _unseen(_share: float, _tally: Tally) -> None:
    """Nobody looks."""


def _stopped(why: str, when: str) -> NoReturn:
    Console(stderr=True).print(
        f"{why}\n{when}the same command goes on where it was", markup=False, style="red"
    )
    raise typer.Exit(1) from None


def _mapping(workspace: Workspace, name: str) -> RowMapping:
    return one_of(workspace.mappings, name, "--mapping")


def _source(workspace: Workspace, name: str | None) -> str:
    known = {one.name: one.name for one in workspace.sources if one.enabled}
    if name is not None:
        return one_of(known, name, "--source")
    of_files = [one.name for one in workspace.sources if one.kind == "file" and one.enabled]
    return of_files[0] if len(of_files) == 1 else SOURCE
