"""What journey keeps in Redis.

j:<workspace>:<16 bytes of the profile id>           the state of a customer
jh:<workspace>:<kind>:<16 bytes of the event's id>   who holds the alert of a complaint; of a
                                                     refused link behind 16 bytes of the profile
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, cast
from uuid import UUID

import msgspec
import redis

from services.common.batch import unpack_state
from services.journey.domain.customer import State
from services.journey.domain.holders import AlertName, Held

PREFIX = b"j:"
HOLDER_PREFIX = b"jh:"
_DEFAULTS = State(0, 0)
_GIVEN = len(State._fields) - len(State._field_defaults)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode
_decode_held = msgspec.msgpack.Decoder(Held).decode


class Loaded(NamedTuple):
    """A state as it was read; version 0 and None when there is none."""

    version: int
    state: State | None


class LoadedHeld(NamedTuple):
    """Likewise for the holder of an alert."""

    version: int
    held: Held | None


ABSENT = Loaded(0, None)


def state_key(workspace: str, profile_id: bytes) -> bytes:
    """Where one customer's state is; also its member in the due sets."""
    return PREFIX + workspace.encode() + b":" + profile_id


def owner_of(key: bytes) -> tuple[str, UUID]:
    """(workspace, profile id) of a state key."""
    return key[len(PREFIX) : -17].decode(), UUID(bytes=key[-16:])


def holder_key(name: AlertName) -> bytes:
    """Where the holder of an alert is."""
    workspace, kind = name.workspace.encode(), name.kind.encode()
    return b"%b%b:%b:%b" % (HOLDER_PREFIX, workspace, kind, name.subject)


def held_body(held: Held) -> bytes:
    """A holder as it is stored."""
    return _encode(held)


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
        return {key: _loaded(value) for key, value in self._values(keys).items()}

    def load_holders(self, names: Collection[AlertName]) -> dict[AlertName, LoadedHeld]:
        """All holders in one round trip."""
        values = self._values([holder_key(name) for name in names])
        return {name: _loaded_held(values[holder_key(name)]) for name in names}

    def _values(self, keys: Collection[bytes]) -> Mapping[bytes, bytes | None]:
        if not keys:
            return {}
        values = cast("list[bytes | None]", self._client.mget(keys))
        return dict(zip(keys, values, strict=True))


def _loaded_held(value: bytes | None) -> LoadedHeld:
    if value is None:
        return LoadedHeld(0, None)
    version, body = unpack_state(value)
    return LoadedHeld(version, _decode_held(body))


def _loaded(value: bytes | None) -> Loaded:
    if value is None:
        return ABSENT
    version, body = unpack_state(value)
    return Loaded(version, state_of(body))
