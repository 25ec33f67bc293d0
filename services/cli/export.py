"""`rapport export`: all that is kept of one person, from all stores, as one JSON document."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import redis
import typer
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException

from schemas.person import PersonExport
from services.cli.chosen import Named, workspace_named
from services.cli.person.about import About
from services.cli.person.document import Document
from services.cli.person.whom import (
    AlreadyErased,
    Nobody,
    all_names,
    asked_node,
    client_of,
    hash_of,
    looked_up,
    text_of,
)
from services.common.audit import Act, NotKept
from services.common.audit_log import opened, who_is_here
from services.common.clients import EngineMissing
from services.common.settings import Settings
from services.common.topic_log import NotRead

FAULTS: Final = (
    NotRead,
    NotKept,
    EngineMissing,
    KafkaException,
    redis.RedisError,
    ClickHouseError,
    OSError,
)


def export(
    asked: Annotated[str | None, typer.Argument(help="KIND:VALUE or a profile id")] = None,
    out: Annotated[Path | None, typer.Option(help="a new file, for its owner alone")] = None,
    by: Annotated[str, typer.Option(help="who asks for it; else who is logged in")] = "",
    schema: Annotated[bool, typer.Option("--schema", help="only its JSON Schema")] = False,
    workspace: Named = None,
) -> None:
    """Everything that is kept of one person, as one JSON document. It is audited."""
    if schema:
        typer.echo(json.dumps(PersonExport.model_json_schema(mode="serialization"), indent=2))
        return
    if asked is None:
        raise typer.BadParameter("say whom: KIND:VALUE or a profile id")
    if out is not None and out.exists():
        raise typer.BadParameter(f"{out} is there already", param_hint="--out")
    try:
        _export(Settings(), asked, out, (by or who_is_here())[:200], workspace)
    except (Nobody, AlreadyErased) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except FAULTS as error:
        typer.echo(f"{error}\nwhat was written is not whole; run it again", err=True)
        raise typer.Exit(1) from None


def _export(
    settings: Settings, asked: str, out: Path | None, who: str, workspace: str | None
) -> None:
    owner = workspace_named(settings, workspace)
    node = asked_node(settings, owner, asked)
    with client_of(settings) as client:
        whom = looked_up(client, settings, owner, node)
        names = all_names(settings, owner, whom.names)
        hashes = [hash_of(settings, owner.name, name) for name in names]
        ids = [text_of(name.node) for name in whom.names]
        document = Document(settings, owner, client, whom, About(settings.salt, owner, hashes, ids))
        subject = text_of(whom.profile or node)
        details: dict[str, str | int | bool] = {
            "identifiers": len(whom.names),
            "to": "file" if out else "stdout",
        }
        opened(settings, "cli").note(Act(who, "person.exported", owner.name, subject, details))
        _write(document, out, who)
    counted = ", ".join(f"{count} {name}" for name, count in document.count.items() if count)
    typer.echo(f"exported: {counted}", err=True)


def _write(document: Document, out: Path | None, who: str) -> None:
    now = datetime.now(UTC)
    if out is None:
        document.write(sys.stdout, who, now)
        return
    draft = out.with_name(f"{out.name}.part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        document.write(file, who, now)
    draft.replace(out)
