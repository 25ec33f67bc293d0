"""An ASGI application as a process serves it: its socket, its server, its life span.

Values of people stand in no log, and their addresses (URLs) in none of ours: there is no access
log.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvicorn

from services.common.connections import Connection, affordable
from services.common.settings import Settings

#: For what is in flight when the process is told to stop.
GRACE_S: Final = 15
BACKLOG: Final = 2_048

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Change = Callable[[], Awaitable[None]]


class CannotListen(Exception):  # noqa: N818 - a state of the world
    """The port is taken, or is not ours to take."""


def listen(settings: Settings, port: int, setting: str) -> socket.socket:
    """A socket that listens; `setting` gives the port. CannotListen says where and why."""
    address = (settings.http_host, port)
    try:
        return socket.create_server(address, backlog=BACKLOG, reuse_port=settings.http_port_shared)
    except OSError as error:
        where = f"{settings.http_host}:{port}"
        message = f"cannot listen on {where} (RAPPORT_HTTP_HOST, {setting}): {error}"
        raise CannotListen(message) from None


class Application:
    """What uvicorn runs: `answer` for requests; `opened` and `closed` for what belongs to the
    event loop, before the first request and after the last."""

    def __init__(self, answer: Asgi, opened: Change, closed: Change) -> None:
        self._answer = answer
        self._opened = opened
        self._closed = closed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await self._opened()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._closed()
        await send({"type": "lifespan.shutdown.complete"})


def server(
    application: Application, connection: type[Connection], wanted: int, setting: str
) -> uvicorn.Server:
    """A server that ends at SIGTERM, once what is in flight is answered. `setting` wants so many
    connections; it has those that the system allows."""
    connection.connections_max = affordable(wanted, setting)
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http=connection,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=GRACE_S,
    )
    return uvicorn.Server(config)


async def nothing() -> None:
    """Where nothing is to be opened, or closed."""
