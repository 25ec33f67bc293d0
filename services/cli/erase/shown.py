"""Erasures as people and scripts see them."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

import typer
from rich.console import Console

from schemas.erasure import Erasure, ErasureState
from services.cli.erase.erasures import all_erasures
from services.cli.query import as_table
from services.common.settings import Settings


def status(settings: Settings, id: str | None, as_json: bool) -> None:
    """One with its receipt, or all of them."""
    found = all_erasures(settings)
    if id is not None:
        erasure = found.get(id_of(id))
        if erasure is None:
            typer.echo(f"there is no erasure {id}", err=True)
            raise typer.Exit(1)
        shown(erasure, as_json)
        return
    ordered = sorted(found.values(), key=lambda one: one.requested_at)
    if as_json:
        for one in ordered:
            typer.echo(one.model_dump_json())
        return
    rows = [
        (
            str(one.erasure_id),
            one.requested_at.isoformat(timespec="seconds"),
            one.state.value,
            one.expires_at.isoformat(timespec="seconds") if one.expires_at else "",
            one.who,
            one.reason,
        )
        for one in ordered
    ]
    names = ("erasure", "requested", "state", "last copy gone", "by", "reason")
    Console(soft_wrap=True).print(as_table(names, rows)) if rows else typer.echo("none")


def shown(erasure: Erasure, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(erasure.model_dump(mode="json")))
        return
    for one in sorted(erasure.receipt, key=lambda one: (one.store, one.place)):
        until = f"; gone by {_until(one.expires_at)}" if one.expires_at else ""
        typer.echo(f"{one.store:<11}{one.place:<26}{one.found:>6,}  {one.done}{until}")
        if one.why:
            typer.echo(f"{'':<45}({one.why})")
    typer.echo(f"erasure {erasure.erasure_id}: {erasure.state}")
    if erasure.state == ErasureState.WAITING:
        typer.echo(
            f"the last copy is gone by {_until(erasure.expires_at)}; then look once more: "
            f"rapport erase --resume {erasure.erasure_id}"
        )


def _until(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""


def id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no id of an erasure: rapport erase status") from None
