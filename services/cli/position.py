"""`rapport position`: where the stateful services stand, and accepting a gap in their log."""

from __future__ import annotations

import json
from typing import Annotated

import redis
import typer

from services.common import clients
from services.common.ports import Place
from services.common.redis_store import RedisStore
from services.common.settings import Settings

app = typer.Typer(help="Where profile and journey.decide stand in the logs they read.")
Service = Annotated[str, typer.Argument(help="profile or journey.decide")]


def places_of(client: redis.Redis, service: str) -> dict[int, Place]:
    """Of all partitions that have one, however many the topic was created with."""
    prefix = f"p:{service}:"
    keys = [key.decode() for key in client.scan_iter(match=f"{prefix}*", count=1_000)]
    partitions = sorted(int(key.removeprefix(prefix)) for key in keys)
    return RedisStore(client, service).places(partitions) if partitions else {}


@app.command("show")
def show(service: Service) -> None:
    """The next offset of each partition, as one JSON object."""
    settings = Settings()
    with clients.redis_client(settings) as client:
        places = places_of(client, service)
    typer.echo(json.dumps({str(p): place.offset for p, place in places.items()}))


@app.command("accept")
def accept(
    service: Service,
    partition: Annotated[int, typer.Argument(help="the partition that the error names")],
    offset: Annotated[int, typer.Argument(help="the offset to go on from: the log's first")],
) -> None:
    """Go on behind a gap: what lies between is lost, and you say that you know it."""
    settings = Settings()
    with clients.redis_client(settings) as client:
        before = RedisStore(client, service).places([partition])[partition]
        after = Place(offset, before.commits + 1)
        client.set(f"p:{service}:{partition}", after.text())
    typer.echo(f"{service}[{partition}]: {before.offset} -> {offset}")
