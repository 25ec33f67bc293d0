"""All components of a workspace in Redis, some at a time, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, cast

import redis
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from services.common.batch import unpack_state
from services.profile.domain.component import Component
from services.profile.domain.rule_change import Change
from services.profile.store import component_key, unpack

#: Keys that Redis looks at for one answer.
LOOKED_AT: Final = 2_000
_PREFIX: Final = component_key(b"")

#: Told how many components were seen.
Watch = Callable[[int], object]


class Stood(NamedTuple):
    """A component as it was read, and what changed rules would do to it, where that is known."""

    key: bytes
    version: int
    component: Component
    change: Change | None = None


def components(client: redis.Redis, workspace: str, watch: Watch) -> Iterator[Stood]:
    """Each at least once; Redis may give one twice while it resizes its table."""
    cursor = 0
    while True:
        found: Any = client.scan(cursor, match=_PREFIX + b"*", count=LOOKED_AT)
        cursor, keys = found
        if keys:
            values = cast("list[bytes | None]", client.mget(keys))
            for key, value in zip(keys, values, strict=True):
                if value and (stood := _read(key, value)).component.workspace == workspace:
                    yield stood  # one by one: what is not needed any more is freed at once
            watch(len(keys))
        if cursor == 0:
            return


def versions(client: redis.Redis, keys: list[bytes]) -> dict[bytes, int]:
    """The version of each component by its id; one that was taken in by another has none."""
    asked = client.pipeline(transaction=False)
    for key in keys:
        asked.getrange(component_key(key), 0, 7)
    answers = cast("list[bytes]", asked.execute())
    return {
        key: int.from_bytes(answer, "big")
        for key, answer in zip(keys, answers, strict=True)
        if answer
    }


def _read(key: bytes, value: bytes) -> Stood:
    version, body = unpack_state(value)
    return Stood(key[len(_PREFIX) :], version, unpack(body))


@contextmanager
def watched(title: str) -> Iterator[Watch]:
    """A line that counts at a terminal; nothing where nobody looks."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = SpinnerColumn(), TextColumn("{task.description}: {task.completed:,} components")
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(title, total=None)
        yield lambda more: bars.advance(task, more)
