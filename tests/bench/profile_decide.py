"""What deciding costs: µs an event in ProfileHandler.decide, against a Redis in memory.

python -m tests.bench.profile_decide [events] [--profile]
"""

from __future__ import annotations

import cProfile
import gc
import json
import pstats
import random
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Any

from schemas.base import derived_id
from services.profile.store import component_key
from tests.unit.profile_builders import START, Run

CUSTOMERS = 20_000
BATCH = 2_000
KINDS: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.60, {"kind": "page_viewed", "url": "https://shop.example/cds?page=2", "title": "CDs"}),
    (0.15, {"kind": "product_viewed", "sku": "CD-1997", "category": "rock"}),
    (
        0.15,
        {
            "kind": "order_completed",
            "total": {"amount": "29.33", "currency": "USD"},
            "lines": [{"sku": "CD-1997", "category": "rock", "quantity": "2", "price": "14.66"}],
        },
    ),
    (0.05, {"kind": "call_completed", "duration_s": 312}),
    (
        0.05,
        {
            "kind": "identified",
            "traits": {
                "first_name": "Ada",
                "last_name": "Lovelace",
                "city": "London",
                "country": "GB",
                "plan": "gold",
            },
        },
    ),
)


def history(events: int, seed: int = 1) -> Iterator[bytes]:
    """Events of customers with three identifiers; a third of the events carry two of them."""
    dice = random.Random(seed)
    shares, kinds = zip(*KINDS, strict=True)
    for number in range(events):
        customer = dice.randrange(CUSTOMERS)
        names = [{"kind": "user_id", "value": f"customer-{customer}"}]
        if dice.random() < 0.33:
            names.append(
                dice.choice(
                    [
                        {"kind": "email", "value": f"c{customer}@mail.example"},
                        {"kind": "anonymous_id", "value": f"device-{customer}"},
                    ]
                )
            )
        (facts,) = dice.choices(kinds, shares)
        if facts["kind"] == "order_completed":
            facts = {"kind": "order_completed", "order_id": f"SO-{number}"} | facts
        yield json.dumps(envelope(number, names, facts), separators=(",", ":")).encode()


def envelope(number: int, names: list[dict[str, str]], facts: dict[str, Any]) -> dict[str, Any]:
    """A touchpoint as ingest writes it."""
    at = (START + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "workspace": "demo",
        "source": "web",
        "event_id": str(derived_id("event", "demo", number)),
        "message_id": f"message-{number}",
        "occurred_at": at,
        "received_at": at,
        "identifiers": names,
        "channel": "web",
        "properties": facts,
        "context": {"ip": "192.0.2.1", "locale": "en-GB", "userAgent": "Mozilla/5.0"},
    }


def main(events: int, profiled: bool) -> None:
    """Fill the memory with as many events, then time as many more."""
    values = list(history(2 * events))
    run = Run()
    for start in range(0, events, BATCH):
        run.take_raw(*values[start : start + BATCH])
    run.outputs.clear()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    profiler = cProfile.Profile()
    spent: list[float] = []
    decide = run.handler.decide

    def timed(batch: Any) -> Any:
        if profiled:
            profiler.enable()
        began = time.process_time()
        decision = decide(batch)
        spent.append((time.process_time() - began) / len(batch.records) * 1e6)
        profiler.disable()
        return decision

    run.handler.decide = timed  # type: ignore[method-assign]
    for start in range(events, 2 * events, BATCH):
        run.take_raw(*values[start : start + BATCH])
        run.outputs.clear()
    bodies = [value for key, value in run.redis.values.items() if key[:2] == component_key(b"")]
    out = sys.stdout.write
    began = time.process_time()
    sum(range(10**6))
    speed = (time.process_time() - began) * 1e3
    out(f"{speed:.1f} ms for sum(range(10**6)): 16 ms when the machine is idle\n")
    out(f"{min(spent):.1f} µs an event in decide (median {median(spent):.1f})\n")
    out(f"{sum(map(len, bodies)) / len(bodies):.0f} bytes a component, {len(bodies)} components\n")
    if profiled:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000, "--profile" in sys.argv)
