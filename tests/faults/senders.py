"""Senders as SDKs are: many connections, repeats under the same ids, and a ledger of answers."""

from __future__ import annotations

import asyncio
import itertools
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from services.cli.demo.replay import WRITE_KEY

HOST: Final = "127.0.0.1"
BATCH_EVENTS_MAX: Final = 40
#: One event in so many is refused: it must be found among the dead letters.
REFUSED_EVERY: Final = 20
#: Connections stay open for about so many requests; then a process that came back gets some.
REQUESTS_A_CONNECTION: Final = 20
#: Of those whose connection was cut so many give up, as a closed browser does.
GIVE_UP: Final = 0.03
AGAIN_AFTER_S: Final = 0.05
PATIENCE_S: Final = 20.0

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Ledger:
    """What the senders know: message ids that left, and those that were answered 200."""

    prefix: str
    sent: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    requests: int = 0
    cuts: int = 0
    busy: int = 0
    given_up: int = 0
    other_answers: list[str] = field(default_factory=list)


class Senders:
    """Each sends, waits for the answer, and sends the next; whatever is cut goes again."""

    def __init__(self, port: int, ledger: Ledger, dice: Random) -> None:
        self.ledger = ledger
        self._port = port
        self._dice = dice
        self._numbers = itertools.count()
        self._stopping = False

    async def run(self, singles: int, batches: int) -> None:
        """Until `stop`: so many connections for single calls, so many for batches."""
        async with asyncio.TaskGroup() as group:
            for _ in range(singles):
                group.create_task(self._send_on(single=True))
            for _ in range(batches):
                group.create_task(self._send_on(single=False))

    def stop(self) -> None:
        """Finish what was begun, and no more."""
        self._stopping = True

    async def _send_on(self, *, single: bool) -> None:
        wire: Wire | None = None
        while not self._stopping:
            calls = self._calls(1 if single else self._dice.randint(2, BATCH_EVENTS_MAX))
            body = calls[0] if single else {"batch": calls}
            request = _request("track" if single else "batch", body)
            ids = [str(call["messageId"]) for call in calls]
            self.ledger.sent.update(ids)
            wire = await self._until_answered(wire, request, ids)
            if wire is not None and self._dice.random() < 1 / REQUESTS_A_CONNECTION:
                wire[1].close()
                wire = None
        if wire is not None:
            wire[1].close()

    async def _until_answered(
        self, wire: Wire | None, request: bytes, ids: Sequence[str]
    ) -> Wire | None:
        """The connection for the next request; None when that needs a new one."""
        while True:
            self.ledger.requests += 1
            try:
                wire = wire or await asyncio.open_connection(HOST, self._port)
                status = await asyncio.wait_for(_answer(wire, request), PATIENCE_S)
            except (OSError, EOFError, TimeoutError):
                if wire is not None:
                    wire[1].close()
                wire = None
                self.ledger.cuts += 1
                if self._dice.random() < GIVE_UP:
                    self.ledger.given_up += 1
                    return wire
            else:
                if status == 200:
                    self.ledger.answered.update(ids)
                    return wire
                if status != 503:
                    self.ledger.other_answers.append(f"{status}: {ids[0]}")
                    return wire
                self.ledger.busy += 1
            await asyncio.sleep(AGAIN_AFTER_S)

    def _calls(self, count: int) -> list[dict[str, Any]]:
        return [self._call(next(self._numbers)) for _ in range(count)]

    def _call(self, number: int) -> dict[str, Any]:
        total = "no amount" if number % REFUSED_EVERY == 0 else 29.33
        return {
            "type": "track",
            "event": "Order Completed",
            "messageId": f"{self.ledger.prefix}-{number}",
            "userId": f"u-{number % 5_000}",
            "properties": {"order_id": f"SO-{number}", "total": total, "currency": "USD"},
        }


def _request(path: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    key = b64encode(f"{WRITE_KEY}:".encode()).decode()
    head = f"POST /v1/{path} HTTP/1.1\r\nHost: faults\r\nAuthorization: Basic {key}\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


async def _answer(wire: Wire, request: bytes) -> int:
    """The status, once the answer is there whole."""
    reader, writer = wire
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(line for line in lines if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
    return int(head.split(b" ", 2)[1])
