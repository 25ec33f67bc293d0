"""A quiet sender, and a flood that honours nothing, each in a process of its own.

python -m tests.bench.flood_load quiet|flood PORT KEY SECONDS → JSON line
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from base64 import b64encode
from collections import Counter
from itertools import cycle
from typing import Any, Final

import uvloop

from tests.bench.ingest_load import bodies

HOST: Final = "127.0.0.1"
#: Kafka acknowledges after about 20 ms: so many are far from waiting for each other.
QUIET_CONNECTIONS: Final = 30
QUIET_REQUESTS_PER_S: Final = 300
FLOOD_CONNECTIONS: Final = 64
FLOOD_BATCH_EVENTS: Final = 100
#: The flood takes what the others leave: else it would starve the clock of the quiet sender.
FLOOD_NICE: Final = 10


async def _exchange(wire: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes) -> int:
    """The status of one answer."""
    reader, writer = wire
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(head[9:12])


def _requests(key: str, events: int) -> list[bytes]:
    path = "track" if events == 1 else "batch"
    basic = b64encode(f"{key}:".encode()).decode()
    head = f"POST /v1/{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {basic}\r\n"
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies(events)]


async def quiet(port: int, key: str, seconds: float) -> dict[str, Any]:
    """At a steady pace; a request waits for its connection, and that counts as latency."""
    requests = cycle(_requests(key, 1))
    latencies_s: list[float] = []
    statuses: Counter[int] = Counter()
    pause_s = QUIET_CONNECTIONS / QUIET_REQUESTS_PER_S
    began = time.perf_counter()

    async def paced(number: int) -> None:
        wire = await asyncio.open_connection(HOST, port)
        due = began + number * pause_s / QUIET_CONNECTIONS
        while due < began + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            statuses[await _exchange(wire, next(requests))] += 1
            latencies_s.append(time.perf_counter() - due)
            due += pause_s
        wire[1].close()

    await asyncio.gather(*(paced(number) for number in range(QUIET_CONNECTIONS)))
    latencies_s.sort()
    return {
        "p50_ms": latencies_s[len(latencies_s) // 2] * 1000,
        "p99_ms": latencies_s[int(len(latencies_s) * 0.99)] * 1000,
        "statuses": statuses,
    }


async def flood(port: int, key: str, seconds: float) -> dict[str, Any]:
    """Single calls and batches in turn, each as soon as the one before is answered."""
    statuses: Counter[int] = Counter()
    singles, batches = _requests(key, 1), _requests(key, FLOOD_BATCH_EVENTS)
    ends = time.perf_counter() + seconds

    async def pushing(requests: list[bytes]) -> None:
        wire = await asyncio.open_connection(HOST, port)
        for request in cycle(requests):
            if time.perf_counter() > ends:
                break
            statuses[await _exchange(wire, request)] += 1
        wire[1].close()

    work = (singles, batches)
    await asyncio.gather(*(pushing(work[n % 2]) for n in range(FLOOD_CONNECTIONS)))
    return {"statuses": statuses}


if __name__ == "__main__":
    what, port, key, seconds = sys.argv[1:]
    if what == "flood":
        os.nice(FLOOD_NICE)
    run = {"quiet": quiet, "flood": flood}[what]
    sys.stdout.write(json.dumps(uvloop.run(run(int(port), key, float(seconds)))) + "\n")
