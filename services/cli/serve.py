"""`rapport serve`: the eight services as local processes, watched, until Ctrl-C."""

from __future__ import annotations

import typer
from rich.console import Console

from deploy.embedded.engines import Engines
from services.cli.services import ServiceFailedError, Services, start_services
from services.common import clients
from services.common.run import Stop
from services.common.settings import Settings


def serve() -> None:
    """Start the eight services against the engines in the settings, or those of `rapport up`."""
    settings = Settings()
    notes = Console(stderr=True, highlight=False, soft_wrap=True)
    stop = Stop().on_signals()
    try:
        engines = _engines(settings)
        settings.home.mkdir(parents=True, exist_ok=True)
        services = start_services(settings.home, engines, settings, say=notes.print)
    except clients.EngineMissing as missing:
        notes.print(f"{missing}; start the embedded ones with `rapport up --detach`", markup=False)
        raise typer.Exit(1) from None
    try:
        services.wait_until_ready()
        _say_where(services, notes)
        while not stop.wait(1):
            pass
    except ServiceFailedError as failed:
        notes.print(str(failed), markup=False)
        raise typer.Exit(1) from None
    finally:
        services.stop()


def _engines(settings: Settings) -> Engines:
    """The addresses in force; EngineMissing when one is neither set nor started."""
    kafka, redis, clickhouse = (
        clients.address(settings, name) for name in ("Kafka", "Redis", "ClickHouse")
    )
    return Engines(kafka, redis, clickhouse, settings.home.absolute(), {})


def _say_where(services: Services, notes: Console) -> None:
    notes.print(f"ready: send events to {services.http}/v1/track; Ctrl-C ends it")
    notes.print(f"  profiles are read at {services.profiles}/v1/profiles (/openapi.json says how)")
    for name in services.watched:
        notes.print(f"  {name:<8} {services.health(name)}/metrics")
