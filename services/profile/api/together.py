"""Many questions to Redis at once: those that come while it answers others are asked together.

Nothing is kept, so what is answered was never older than its question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from redis.exceptions import RedisError

from services.profile.api.answers import unavailable

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

#: Of one question to Redis: more would hold up its other clients.
TOGETHER_MAX: Final = 128
#: Questions that are under way at once; each has a connection of its own.
QUESTIONS_MAX: Final = 4


class _Waiting(NamedTuple, Generic[Asked, Answer]):
    asked: Asked
    found: asyncio.Future[Answer]


class Together(Generic[Asked, Answer]):
    """Owned by one event loop. `ask` answers several, in their order."""

    def __init__(self, ask: Callable[[list[Asked]], Awaitable[Sequence[Answer]]]) -> None:
        self._ask = ask
        self._waiting: list[_Waiting[Asked, Answer]] = []
        self._asking: set[asyncio.Task[None]] = set()

    async def one(self, asked: Asked) -> Answer:
        """Its answer. Refused (503) when Redis does not answer."""
        found: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(asked, found))
        if len(self._asking) < QUESTIONS_MAX:
            task = asyncio.create_task(self._ask_all())
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return await found

    async def all(self, asked: Sequence[Asked]) -> list[Answer]:
        """Their answers, in their order. Refused (503) when Redis does not answer."""
        return list(await asyncio.gather(*map(self.one, asked)))

    async def _ask_all(self) -> None:
        while self._waiting:
            taken = self._waiting[:TOGETHER_MAX]
            del self._waiting[:TOGETHER_MAX]
            try:
                answers = await self._ask([one.asked for one in taken])
            except (RedisError, OSError, TimeoutError):
                _tell_all(taken, unavailable("Redis"))
                continue
            except Exception as error:
                _tell_all(taken, error)
                continue
            for one, answer in zip(taken, answers, strict=True):
                if not one.found.done():
                    one.found.set_result(answer)


def _tell_all(taken: Sequence[_Waiting[Asked, Answer]], error: BaseException) -> None:
    for one in taken:
        if not one.found.done():
            one.found.set_exception(error)
