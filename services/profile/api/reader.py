"""Components from Redis as they are now, for many requests at once: nothing is kept.

Requests that come while Redis answers others are asked for together, in two MGETs. So a read costs
one round trip's share under load, and what it sees was never written before it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import redis.asyncio
from redis.exceptions import RedisError

from services.common.batch import unpack_state
from services.profile.api.answers import unavailable
from services.profile.store import LOOKS_MAX, Loaded, component_key, node_key, unpack

#: Nodes of one question: more would hold up Redis's other clients.
TOGETHER_MAX: Final = 128
#: Questions that are under way at once; each has a connection of its own.
QUESTIONS_MAX: Final = 4


class _Waiting(NamedTuple):
    node: bytes
    found: asyncio.Future[Loaded | None]


class Reader:
    """Owned by one event loop."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._waiting: list[_Waiting] = []
        self._asking: set[asyncio.Task[None]] = set()

    async def home_of(self, node: bytes) -> Loaded | None:
        """The component that a node is in; None where no event has named it.

        Refused (503) when Redis does not answer.
        """
        found: asyncio.Future[Loaded | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(node, found))
        if len(self._asking) < QUESTIONS_MAX:
            task = asyncio.create_task(self._ask())
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return await found

    async def homes_of(self, nodes: Sequence[bytes]) -> list[Loaded | None]:
        """The same of several, in their order."""
        return list(await asyncio.gather(*map(self.home_of, nodes)))

    async def _ask(self) -> None:
        while self._waiting:
            asked = self._waiting[:TOGETHER_MAX]
            del self._waiting[:TOGETHER_MAX]
            try:
                homes = await self._loaded([one.node for one in asked])
            except (RedisError, OSError, TimeoutError):
                _tell_all(asked, unavailable("Redis"))
                continue
            except BaseException as error:
                _tell_all(asked, error)
                raise
            for one, home in zip(asked, homes, strict=True):
                if not one.found.done():
                    one.found.set_result(home)

    async def _loaded(self, nodes: list[bytes]) -> list[Loaded | None]:
        found: dict[bytes, Loaded | None] = {}
        wanted = list(dict.fromkeys(nodes))
        for _ in range(LOOKS_MAX):
            homes = await self._mget([node_key(node) for node in wanted])
            found |= {node: None for node, home in zip(wanted, homes, strict=True) if home is None}
            placed = {node: home for node, home in zip(wanted, homes, strict=True) if home}
            keys = list(dict.fromkeys(placed.values()))
            values = await self._mget([component_key(key) for key in keys])
            bodies = dict(zip(keys, values, strict=True))
            for node, home in placed.items():
                if (value := bodies[home]) is not None:
                    version, body = unpack_state(value)
                    found[node] = Loaded(home, version, unpack(body))
            # one that is gone between the two was taken in by another: look again
            wanted = [node for node, home in placed.items() if bodies[home] is None]
            if not wanted:
                return [found[node] for node in nodes]
        raise AssertionError(f"{len(wanted)} nodes are in components that do not exist")

    async def _mget(self, keys: Sequence[bytes]) -> list[bytes | None]:
        answers: Any = await self._client.mget(keys) if keys else []
        return list(answers)


def _tell_all(asked: Sequence[_Waiting], error: BaseException) -> None:
    for one in asked:
        if not one.found.done():
            one.found.set_exception(error)
