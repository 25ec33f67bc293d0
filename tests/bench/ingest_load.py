"""Load for the HTTP API from a process of its own: prepared requests over plain sockets.

python -m tests.bench.ingest_load HOST PORT EVENTS_PER_REQUEST CONNECTIONS REQUESTS → JSON line
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any, Final

import uvloop

KEY: Final = "demo-write-key"
PREPARED_REQUESTS: Final = 100


def event(number: int) -> dict[str, Any]:
    """About 480 bytes: an order, a page and a product in turn, with the context SDKs send."""
    call: dict[str, Any] = {
        "messageId": f"bench-{number:012d}-{number * 7919 % 99991:05d}",
        "timestamp": "2026-01-02T03:04:05.123Z",
        "anonymousId": None,
        "userId": f"u-{number % 20_000}",
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
    }
    if number % 3 == 0:
        line = {"product_id": "CD-1", "category": "rock", "quantity": 2, "price": 14.66}
        sold = {"order_id": f"SO-{number}", "total": 29.33, "currency": "USD", "products": [line]}
        return call | {"type": "track", "event": "Order Completed", "properties": sold}
    page = {"url": "https://shop.example/cds?page=2", "path": "/cds", "title": "CDs"}
    call["context"] |= {"page": page, "userAgent": "Mozilla/5.0 (X11; Linux x86_64)"}
    if number % 3 == 1:
        return call | {"type": "page", "properties": page}
    seen = {"sku": "CD-1", "name": "OK Computer", "category": "rock", "price": 14.96}
    return call | {"type": "track", "event": "Product Viewed", "properties": seen}


def bodies(events_per_request: int) -> list[bytes]:
    """Distinct request bodies; one event a request goes to /v1/track without a batch around it."""
    sizes = range(PREPARED_REQUESTS)
    if events_per_request == 1:
        return [json.dumps(event(3 * number)).encode() for number in sizes]
    return [
        json.dumps(
            {
                "batch": [
                    event(number * events_per_request + n) for n in range(events_per_request)
                ],
                "sentAt": "2026-01-02T03:04:06.123Z",
            }
        ).encode()
        for number in sizes
    ]


def requests(events_per_request: int) -> list[bytes]:
    path = "track" if events_per_request == 1 else "batch"
    authorization = b64encode(f"{KEY}:".encode()).decode()
    head = f"POST /v1/{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {authorization}\r\n"
    return [
        f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
        for body in bodies(events_per_request)
    ]


async def one_connection(
    host: str, port: int, work: Iterator[bytes], latencies_s: list[float]
) -> None:
    """Send, wait for the answer, send the next; anything but 200 ends the run."""
    reader, writer = await asyncio.open_connection(host, port)
    for request in work:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(16)
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        latencies_s.append(time.perf_counter() - started)
    writer.close()


async def run(host: str, port: int, events: int, connections: int, count: int) -> dict[str, float]:
    work = islice(cycle(requests(events)), count)
    latencies_s: list[float] = []
    started = time.perf_counter()
    await asyncio.gather(
        *(one_connection(host, port, work, latencies_s) for _ in range(connections))
    )
    seconds = time.perf_counter() - started
    latencies_s.sort()
    p99_s = latencies_s[int(len(latencies_s) * 0.99)]
    return {"seconds": seconds, "events": count * events, "p99_ms": p99_s * 1000}


if __name__ == "__main__":
    host, *numbers = sys.argv[1:]
    measured = uvloop.run(run(host, *map(int, numbers)))
    sys.stdout.write(json.dumps(measured) + "\n")
