"""Webhooks that were given up: deliver keeps them, so they are only put into their queue again."""

from __future__ import annotations

import time
from functools import cached_property

import redis

from services.cli.letters.handled import NotPublished
from services.cli.letters.ways import Held, Resend
from services.common import clients
from services.common.settings import Settings
from services.journey.deliver import operate


class Webhooks:
    """Opens Redis when it is first asked. NotPublished where it does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def held(self, one: Resend) -> Held | None:
        """Why it can not be sent again; None if it can, or waits to be sent already."""
        try:
            return _held(self._client, one)
        except redis.RedisError as error:
            raise _away(error) from error

    def resend(self, one: Resend) -> None:
        """Under its own id. Of two who do it at once one does."""
        try:
            operate.resend(self._client, one.endpoint, one.id, time.time_ns() // 1_000_000)
        except redis.RedisError as error:
            raise _away(error) from error

    @cached_property
    def _client(self) -> redis.Redis:
        return clients.redis_client(self._settings)


def _held(client: redis.Redis, one: Resend) -> Held | None:
    if why := operate.standing(client, one.endpoint)["disabled"]:
        told = f"{one.endpoint} is disabled ({why}); `rapport webhooks enable {one.endpoint}` first"
        return Held("endpoint_disabled", told)
    if operate.is_dead(client, one.endpoint, one.id):
        return None
    if operate.waits(client, one.endpoint, one.id):
        return None
    return Held(
        "not_kept",
        f"{one.endpoint} has no {one.id} among its dead: it was sent again before, or given up with"
        " a full queue, or is too old. Its event is still on its topic; discard the letter",
    )


def _away(error: redis.RedisError) -> NotPublished:
    return NotPublished(f"Redis (RAPPORT_REDIS): {error}")
