"""Rows of group `contended`: four profile workers that meet, and one user with ever new ids."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random
from typing import Any, Final

from schemas import topics
from schemas.base import to_json
from services.common import clients
from services.common.settings import Settings
from services.profile.domain.ids import Hashes
from services.profile.store import ProfileStore
from tests.bench.stage import Service, fill, row, service, until
from tests.unit.profile_builders import touchpoint

WORKERS: Final = 4
EVENTS: Final = 40_000
LEAVES: Final = 100_000
_FOLDED: Final = "rapport_profile_events_total"

Records = Iterator[tuple[bytes, bytes]]


def bench_contended(settings: Settings) -> list[dict[str, object]]:
    """The same events: of people of their own partitions, of one person, of a graph in which every
    batch joins and parts. A row's bare loop is the first of them."""
    rows: list[dict[str, object]] = []
    with ExitStack() as running:
        workers = [
            running.enter_context(service(settings, "services.profile")) for _ in range(WORKERS)
        ]
        _settle(settings, workers)
        for name, records in _CASES.items():
            done = _folded(workers)
            conflicts, cpu, began = _conflicts(workers), _cpu_s(workers), time.monotonic()
            fill(settings, topics.ACCEPTED.name, list(records(name)))
            ended = until(lambda done=done: _folded(workers) >= done + EVENTS, every_s=0.1)  # type: ignore[misc]
            free = rows[0]["events_per_s"] if rows else 0
            rows.append(
                row(
                    f"profile, {WORKERS} workers: {name}",
                    EVENTS,
                    ended - began,
                    _cpu_s(workers) - cpu,
                    float(str(free)),
                    conflicts=round(_conflicts(workers) - conflicts),
                )
            )
    return rows


def bench_fan_out(settings: Settings) -> dict[str, object]:
    """One user, a new anonymous id with every message: what is left of them in Redis."""
    client = clients.redis_client(settings)
    before: Any = client.info("memory")
    with service(settings, "services.profile") as profile:
        began = time.monotonic()
        fill(settings, topics.ACCEPTED.name, list(_leaves()))
        ended = until(lambda: profile.metric(_FOLDED) >= LEAVES, every_s=0.2)
        cpu_s = profile.cpu_s()
    after: Any = client.info("memory")
    user = Hashes(settings.salt).node("demo", "user_id", "fan-out")
    [home] = ProfileStore(client, settings.message_id_buckets).load([user]).components.values()
    size: Any = client.strlen(b"c:" + home.key)
    client.close()
    [node] = [one for one in home.component.nodes if one.id == user]
    assert node.absorbed + len(home.component.nodes) - 1 == LEAVES, "none is lost"
    return row(
        f"profile: one user with {LEAVES:,} anonymous ids",
        LEAVES,
        ended - began,
        cpu_s,
        0,
        component_bytes=size,
        redis_bytes_per_id=round((after["used_memory"] - before["used_memory"]) / LEAVES),
    )


def contended_line(row: dict[str, Any]) -> str:
    """What such a row says besides."""
    if "conflicts" in row:
        return f"{row['name']}: {row['conflicts']:,} batches were decided again"
    return (
        f"{row['name']}: a component of {row['component_bytes']:,} bytes, "
        f"{row['redis_bytes_per_id']} bytes of Redis an id, message ids included"
    )


def _settle(settings: Settings, workers: list[Service]) -> None:
    """Until the group has its partitions: each folds something."""
    number = 0
    while any(one.metric(_FOLDED) == 0 for one in workers):
        records = [_event(f"settle-{number}-{place}", "user_id:settled") for place in range(64)]
        fill(settings, topics.ACCEPTED.name, records)
        number += 1
        time.sleep(0.5)
    time.sleep(1)


def _folded(workers: list[Service]) -> float:
    return sum(one.metric(_FOLDED) for one in workers)


def _conflicts(workers: list[Service]) -> float:
    return sum(one.metric("rapport_step_conflicts_total") for one in workers)


def _cpu_s(workers: list[Service]) -> float:
    return sum(one.cpu_s() for one in workers)


def _event(message: str, *names: str, **facts: Any) -> tuple[bytes, bytes]:
    made = touchpoint(*names, message=message, **facts)
    return message.encode(), to_json(made)


def _apart(case: str) -> Records:
    """Whoever has a partition has its people: the key is the person."""
    for number in range(EVENTS):
        who = f"{number % 2_000}"
        names = (f"user_id:free-{who}", f"email:free-{who}@x.example")
        _, value = _event(f"{case}-{number}", *names, at_s=number)
        yield who.encode(), value


def _one_person(case: str) -> Records:
    names = ("user_id:hot", "email:hot@x.example")
    for number in range(EVENTS):
        yield _event(f"{case}-{number}", *names[: 1 + number % 2], at_s=number)


def _conflicting(case: str) -> Records:
    """100 users who share addresses, and are merged and parted all the time."""
    dice = Random(3)
    for number in range(EVENTS):
        user, other = f"user_id:g{dice.randrange(100)}", f"email:g{dice.randrange(100)}@x.example"
        facts: dict[str, Any] = {"kind": "page_viewed"}
        if number % 20 == 0:
            what = dice.choice(("merge", "unmerge"))
            facts = {"kind": f"profile_{what}_requested", "other": other}
        names = (user,) if number % 20 == 0 else (user, other)
        yield _event(f"{case}-{number}", *names, at_s=number, **facts)


def _leaves() -> Records:
    for number in range(LEAVES):
        names = ("user_id:fan-out", f"anonymous_id:0f8fad5b-d9cd-469f-a165-{number:012d}")
        yield _event(f"leaf-{number}", *names, at_s=number)


_CASES: Final[dict[str, Callable[[str], Records]]] = {
    "nobody in common": _apart,
    "one hot person": _one_person,
    "a graph made to conflict": _conflicting,
}
