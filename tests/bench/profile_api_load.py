"""Reads of profiles from a process of its own, over plain sockets that stay open.

python -m tests.bench.profile_api_load → JSON line; what to do comes as JSON on standard input.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """So many requests over so many connections; `per_s`: at this rate, 0: as fast as it goes.

    `path`: with {} for an id. `etags`: what is sent as If-None-Match, by id; empty: nothing.
    """

    port: int
    key: str
    path: str
    ids: list[str]
    connections: int
    requests: int
    per_s: float
    etags: dict[str, str]


def requests(load: Load) -> Iterator[bytes]:
    """Prepared, of people at random."""
    dice = random.Random(5)
    for _ in range(load.requests):
        who = dice.choice(load.ids)
        tag = load.etags.get(who)
        known = f"if-none-match: {tag}\r\n" if tag else ""
        yield (
            f"GET {load.path.format(who)} HTTP/1.1\r\nhost: bench\r\n"
            f"authorization: Bearer {load.key}\r\n{known}\r\n"
        ).encode()


class Clock:
    """When each request is due, from the first one on; a late one is not let off its wait."""

    def __init__(self, per_s: float) -> None:
        self._gap_s = 1 / per_s if per_s else 0.0
        self._began = time.perf_counter()
        self._given = 0

    async def due(self) -> float:
        """Waits for the next one's moment, and gives it."""
        if not self._gap_s:
            return time.perf_counter()
        at = self._began + self._given * self._gap_s
        self._given += 1
        if (wait := at - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        return at


async def one_connection(
    load: Load, work: Iterator[bytes], clock: Clock, latencies_s: list[float]
) -> None:
    """Send, wait for the whole answer, send the next."""
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
    for request in work:
        due = await clock.due()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        status = head[9:12]
        if status == b"200":
            lower = head.lower()
            at = lower.index(b"content-length: ") + 16
            await reader.readexactly(int(lower[at : lower.index(b"\r", at)]))
        elif status != b"304":
            raise SystemExit(head.decode())
        latencies_s.append(time.perf_counter() - due)
    writer.close()


async def run(load: Load) -> dict[str, float]:
    work, clock, latencies_s = requests(load), Clock(load.per_s), list[float]()
    began = time.perf_counter()
    await asyncio.gather(
        *(one_connection(load, work, clock, latencies_s) for _ in range(load.connections))
    )
    seconds = time.perf_counter() - began
    latencies_s.sort()
    p99_s = latencies_s[int(len(latencies_s) * 0.99)]
    return {"seconds": seconds, "reads": load.requests, "p99_ms": p99_s * 1000}


if __name__ == "__main__":
    measured = uvloop.run(run(Load(**json.load(sys.stdin))))
    sys.stdout.write(json.dumps(measured) + "\n")
