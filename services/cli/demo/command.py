"""`rapport demo`: what `make demo` runs."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from deploy.embedded.engines import EngineFailedError
from services.cli.demo import page
from services.cli.demo.drain import StuckError
from services.cli.demo.phases import Phases
from services.cli.demo.replay import ReplayFailedError
from services.cli.demo.results import as_object, mismatches
from services.cli.demo.run import Options, Outcome, perform
from services.cli.demo.stage import AlreadyRunsError, Stage
from services.cli.services import ServiceFailedError

BUILD = Path("build")
PAGE_COLUMNS = 110
FAULTS = (
    AlreadyRunsError,
    EngineFailedError,
    ReplayFailedError,
    ServiceFailedError,
    StuckError,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print build/demo.json instead of a page")]
Keep = Annotated[
    bool | None,
    typer.Option("--keep/--no-keep", help="Stay up until Ctrl-C; by default only at a terminal"),
]
Customers = Annotated[
    int | None, typer.Option(min=10, help="So many of the 23,570 customers: a small run")
]
ChaosToo = Annotated[
    bool, typer.Option("--chaos/--no-chaos", help="kill -9 the profile service in the middle")
]


def demo(
    as_json: AsJson = False,
    keep: Keep = None,
    customers: Customers = None,
    chaos: ChaosToo = True,
) -> None:
    """Real purchases of 23,570 customers through everything, checked against what was sent."""
    notes = _console(stderr=as_json)
    stays = sys.stdout.isatty() if keep is None else keep
    wrong: list[str] = []

    def show(stage: Stage, outcome: Outcome) -> None:
        wrong.extend(_shown(stage, outcome, notes, as_json=as_json, stays=stays))
        if stays:
            _until_interrupted(notes)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_interrupt)
    try:
        perform(Options(BUILD / "demo", customers, chaos), Phases(notes), show)
    except FAULTS as fault:
        notes.print(f"[red]The demo could not finish:[/red] {fault}", highlight=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        notes.print("interrupted: everything that was started is ended")
        raise typer.Exit(130) from None
    if wrong:
        raise typer.Exit(1)


def _console(*, stderr: bool) -> Console:
    """As wide as the terminal; where there is none, wide enough for the page."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=PAGE_COLUMNS)


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _shown(
    stage: Stage, outcome: Outcome, notes: Console, *, as_json: bool, stays: bool
) -> list[str]:
    """Write build/demo.json, print the page or the JSON; what is not as it must be."""
    wrong = mismatches(outcome.run, outcome.ledger)
    found = as_object(outcome.run, outcome.ledger) | {"mismatches": wrong}
    text = json.dumps(found, indent=2, ensure_ascii=False)
    (BUILD / "demo.json").write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)
    else:
        _print_page(stage, outcome, found, notes, stays=stays)
    verdict = "[green]Everything came out exactly as it was sent in.[/green]"
    notes.print(verdict if not wrong else "[red]Not as it must be:[/red]")
    for line in wrong:
        notes.print(f"  {line}", markup=False, highlight=False)
    return wrong


def _print_page(
    stage: Stage, outcome: Outcome, found: dict[str, Any], console: Console, *, stays: bool
) -> None:
    columns = outcome.run.columns
    page.show(console, found, columns.stages, columns.alerts)
    console.print()
    console.print(page.customer(columns.interesting))
    console.print()
    home = str(BUILD / "demo")
    console.print(page.where_to_look(_addresses(stage), home) if stays else page.what_to_type())
    console.print()


def _addresses(stage: Stage) -> dict[str, str]:
    services = stage.services
    return {
        "HTTP API": f"{services.http}/v1/batch   (write key demo-write-key)",
        "ClickHouse": stage.engines.clickhouse,
        "Kafka": stage.engines.kafka,
        "Redis": stage.engines.redis,
        "webhooks received": f"{stage.webhooks}/counts",
        "metrics of profile": f"{services.health('profile')}/metrics",
    }


def _until_interrupted(console: Console) -> None:
    console.print("It stays up. Ctrl-C ends it.")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("ending")
