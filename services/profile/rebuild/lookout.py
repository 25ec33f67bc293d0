"""Every id that there is on either side, as records of a log for the rebuild's step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain, islice
from typing import Any, Final

import redis

from services.common.batch import Record
from services.profile.domain.ids import NODE_BYTES
from services.profile.rebuild.switch import PARTITION
from services.profile.rebuild.units import Id, alike, is_absorbed, led_to
from services.profile.store import component_key, node_key

TOPIC: Final = "rebuild"
SCANNED_AT_ONCE: Final = 1_000
LOOKED_AT_ONCE: Final = 300


def all_ids(live: redis.Redis, shadow: redis.Redis) -> Iterator[Id]:
    """Components of both sides, nodes that were absorbed, and those whose home is not there.

    SCAN gives all that is there from its beginning to its end, some of it twice. What live traffic
    adds meanwhile was folded by the code in force.
    """
    yield from _keys(live, component_key(b""))
    yield from _in_batches(_keys(shadow, component_key(b"")), partial(_missing, live))
    yield from _nodes(shadow, partial(_left_otherwise, live, shadow))
    yield from _nodes(live, partial(_homeless, live))


def _keys(client: redis.Redis, prefix: bytes) -> Iterator[Id]:
    for key in client.scan_iter(match=prefix + b"*", count=SCANNED_AT_ONCE):
        yield key[len(prefix) :]


def _nodes(client: redis.Redis, wanted: Callable[[list[Id]], Iterator[Id]]) -> Iterator[Id]:
    return _in_batches(_keys(client, node_key(b"")), wanted)


def _in_batches(ids: Iterator[Id], wanted: Callable[[list[Id]], Iterator[Id]]) -> Iterator[Id]:
    while some := list(islice(ids, SCANNED_AT_ONCE)):
        yield from wanted(some)


def _missing(live: redis.Redis, components: list[Id]) -> Iterator[Id]:
    """Those that the live state has under no such id: the others it has shown itself."""
    asked = live.pipeline(transaction=False)
    for one in components:
        asked.exists(component_key(one))
    for one, there in zip(components, asked.execute(), strict=True):
        if not there:
            yield one


def _left_otherwise(live: redis.Redis, shadow: redis.Redis, nodes: list[Id]) -> Iterator[Id]:
    """Absorbed or erased: no component names them any more, only their own keys do."""
    right = dict(zip(nodes, _homes(shadow, nodes), strict=True))
    others = [node for node, home in right.items() if home and len(home) != NODE_BYTES]
    for node, home in zip(others, _homes(live, others), strict=True):
        if not alike(home, right[node]):
            yield node


def _homeless(live: redis.Redis, nodes: list[Id]) -> Iterator[Id]:
    asked = live.pipeline(transaction=False)
    known = [(node, home) for node, home in zip(nodes, _homes(live, nodes), strict=True) if home]
    known = [(node, home) for node, home in known if led_to(home) is not None]
    for _, home in known:
        there = node_key if is_absorbed(home) else component_key
        asked.exists(there(led_to(home) or b""))
    for (node, _), there in zip(known, asked.execute(), strict=True):
        if not there:
            yield node


def _homes(client: redis.Redis, nodes: list[Id]) -> list[bytes | None]:
    found: Any = client.mget([node_key(one) for one in nodes]) if nodes else []
    return list(found)


class Lookout:
    """A log of one partition: each record an id to look at. `again`: what must be looked at again.

    Offsets only go on from where the step's place stands: an earlier run's say nothing about ours,
    for what that one has written is found to be right.
    """

    def __init__(self, ids: Iterator[Id], again: Callable[[], list[Id]]) -> None:
        self._ids = ids
        self._again = again
        self._next = 0
        self.looked_at = 0

    def take(self, timeout_s: float) -> list[Record]:
        """The next ones; those that come again do so in the end, and few at once."""
        some = list(islice(self._ids, LOOKED_AT_ONCE))
        if not some:
            again = self._again()
            some = again[: LOOKED_AT_ONCE // 10]
            self._ids = chain(again[LOOKED_AT_ONCE // 10 :])
        records = [
            Record(TOPIC, PARTITION, self._next + place, None, one)
            for place, one in enumerate(some)
        ]
        self._next += len(records)
        self.looked_at += len(records)
        return records

    def has_more(self) -> bool:
        """Nothing is prepared ahead."""
        return False

    def take_ahead(self) -> list[Record]:
        return []

    def assigned(self) -> Mapping[int, int]:
        return {PARTITION: 1}

    def at_end(self) -> frozenset[int]:
        return frozenset()

    def seek(self, partition: int, offset: int | None) -> int:
        self._next = offset or 0
        return self._next
