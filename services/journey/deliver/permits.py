"""Asks what journey knows of a person's consent, right before something about them is sent."""

from __future__ import annotations

from typing import Final, cast
from uuid import UUID

import msgspec
import redis.asyncio as aioredis

from services.common.batch import unpack_state
from services.journey.deliver.job import Job
from services.journey.domain.consent import Purpose, allows
from services.journey.store import state_key, state_of

#: Merges that are followed to the survivor, whose word counts.
MERGES_FOLLOWED_MAX: Final = 20


class _Subject(msgspec.Struct):
    profile_id: UUID


class _Body(msgspec.Struct):
    """Of a webhook's body only who it is about."""

    data: _Subject


_decode = msgspec.json.Decoder(_Body).decode


class Permits:
    """Reads the states that decide writes. Nothing is kept: a word given now counts now."""

    def __init__(self, client: aioredis.Redis) -> None:
        self._redis = client

    async def given(self, job: Job, purpose: Purpose, now_us: int) -> bool:
        """Whether the person a delivery is about allows it. redis.RedisError: not to be known."""
        profile = _decode(job.body).data.profile_id.bytes
        for _ in range(MERGES_FOLLOWED_MAX):
            value = cast("bytes | None", await self._redis.get(state_key(job.workspace, profile)))
            if value is None:
                return allows((), purpose, now_us)
            _, body = unpack_state(value)
            state = state_of(body)
            if not state.merged_into or state.merged_into == profile:  # the latter: erased
                return allows(state.consents, purpose, now_us)
            profile = state.merged_into
        return False
