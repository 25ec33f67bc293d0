"""A service over HTTP says why it can not listen, and closes what it opened."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from services.common.http_server import Application, CannotListen, listen, nothing
from services.common.settings import Settings


def test_a_port_that_is_taken_is_told_with_the_setting_that_names_it() -> None:
    settings = Settings(http_host="127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen) as told:
            listen(settings, port, "RAPPORT_SOME_PORT")
    assert f"127.0.0.1:{port} (RAPPORT_HTTP_HOST, RAPPORT_SOME_PORT): " in str(told.value)
    listen(settings, port, "RAPPORT_SOME_PORT").close()


def test_what_is_opened_before_the_first_request_is_closed_after_the_last() -> None:
    happened: list[str] = []

    async def opened() -> None:
        happened.append("opened")

    async def closed() -> None:
        happened.append("closed")

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        happened.append(scope["path"])

    async def said(message: dict[str, Any]) -> None:
        happened.append(message["type"])

    async def lives() -> None:
        told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        application = Application(answer, opened, closed)
        life = asyncio.create_task(application({"type": "lifespan"}, told.get, said))
        told.put_nowait({"type": "lifespan.startup"})
        while "lifespan.startup.complete" not in happened:
            await asyncio.sleep(0)
        await application({"type": "http", "path": "/x"}, told.get, said)
        told.put_nowait({"type": "lifespan.shutdown"})
        await life

    asyncio.run(lives())
    assert happened == [
        "opened",
        "lifespan.startup.complete",
        "/x",
        "closed",
        "lifespan.shutdown.complete",
    ]
    asyncio.run(nothing())
