"""Components from Redis as they are now, for many requests at once: nothing is kept.

Requests that come while Redis answers others are asked for together, in two MGETs. So a read costs
one round trip's share under load, and what it sees was never written before it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import redis.asyncio

from services.common.batch import unpack_state
from services.profile.api.together import Together
from services.profile.domain.ids import NODE_BYTES
from services.profile.store import LOOKS_MAX, Loaded, component_key, node_key, unpack


class Home(NamedTuple):
    """The component that a node is in. `node`: itself, or what it was absorbed into."""

    loaded: Loaded
    node: bytes


class Reader:
    """Owned by one event loop."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._together = Together(self._loaded)

    async def home_of(self, node: bytes) -> Home | None:
        """The component that a node is in; None where no event has named it.

        Refused (503) when Redis does not answer.
        """
        return await self._together.one(node)

    async def _loaded(self, nodes: list[bytes]) -> list[Home | None]:
        looked = _Looked()
        wanted = list(dict.fromkeys(nodes))
        for _ in range(LOOKS_MAX):
            homes = await self._mget([node_key(node) for node in wanted])
            asked = looked.led(zip(wanted, homes, strict=True))
            keys = list(dict.fromkeys(asked.values()))
            values = await self._mget([component_key(key) for key in keys])
            wanted = looked.placed(asked, dict(zip(keys, values, strict=True)))
            if not wanted:
                return [looked.home_of(node) for node in nodes]
        raise AssertionError(f"{len(wanted)} nodes are in components that do not exist")

    async def _mget(self, keys: Sequence[bytes]) -> list[bytes | None]:
        answers: Any = await self._client.mget(keys) if keys else []
        return list(answers)


class _Looked:
    """What several looks have found: where nodes are, and what absorbed ones are part of now."""

    def __init__(self) -> None:
        self._found: dict[bytes, Loaded | None] = {}
        self._leads: dict[bytes, bytes] = {}

    def led(self, answers: Iterable[tuple[bytes, bytes | None]]) -> dict[bytes, bytes]:
        """Node -> component, of those that are in one."""
        placed = {}
        for node, home in answers:
            if home is None or len(home) < NODE_BYTES:  # shorter: somebody was erased
                self._found[node] = None
            elif len(home) > NODE_BYTES:  # a mark, and the node that it was absorbed into
                self._leads[node] = home[1:]
            else:
                placed[node] = home
        return placed

    def placed(
        self, asked: Mapping[bytes, bytes], values: Mapping[bytes, bytes | None]
    ) -> list[bytes]:
        """The nodes to look for again: what an absorbed one is part of, and what went elsewhere
        between two looks."""
        homes = {key: _loaded(key, value) for key, value in values.items() if value is not None}
        again = []
        for node, key in asked.items():
            home = homes.get(key)
            if home is not None and any(one.id == node for one in home.component.nodes):
                self._found[node] = home
            else:
                again.append(node)
        ends = set(self._leads.values()) - self._leads.keys() - self._found.keys()
        return list(dict.fromkeys([*again, *ends]))

    def home_of(self, node: bytes) -> Home | None:
        """None of an absorbed one whose whole is gone: somebody was erased."""
        while node in self._leads:
            node = self._leads[node]
        home = self._found[node]
        return None if home is None else Home(home, node)


def _loaded(key: bytes, value: bytes) -> Loaded:
    version, body = unpack_state(value)
    return Loaded(key, version, unpack(body))
