"""The state of customers in Redis: j:<workspace>:<16 bytes of the profile id>."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, cast
from uuid import UUID

import msgspec
import redis

from services.common.batch import unpack_state
from services.journey.domain.customer import State

PREFIX = b"j:"
_DEFAULTS = State(0, 0)
_GIVEN = len(State._fields) - len(State._field_defaults)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode


class Loaded(NamedTuple):
    """A state as it was read; version 0 and None when there is none."""

    version: int
    state: State | None


ABSENT = Loaded(0, None)


def state_key(workspace: str, profile_id: bytes) -> bytes:
    """Where one customer's state is; also its member in the due sets."""
    return PREFIX + workspace.encode() + b":" + profile_id


def owner_of(key: bytes) -> tuple[str, UUID]:
    """(workspace, profile id) of a state key."""
    return key[len(PREFIX) : -17].decode(), UUID(bytes=key[-16:])


def body_of(state: State) -> bytes:
    """A state as it is stored: a bare array that ends where only defaults would follow."""
    end = len(state)
    while end > _GIVEN and state[end - 1] == _DEFAULTS[end - 1]:
        end -= 1
    return _encode(state[:end])


def state_of(body: bytes) -> State:
    """The state in a stored body."""
    return _decode(body)


class JourneyStore:
    """Reads states; the step's commit writes them."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def load(self, keys: Collection[bytes]) -> dict[bytes, Loaded]:
        """All keys in one round trip."""
        if not keys:
            return {}
        values = cast("list[bytes | None]", self._client.mget(keys))
        return {key: _loaded(value) for key, value in zip(keys, values, strict=True)}


def _loaded(value: bytes | None) -> Loaded:
    if value is None:
        return ABSENT
    version, body = unpack_state(value)
    return Loaded(version, state_of(body))
