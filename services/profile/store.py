"""What profile remembers in Redis.

n:<node id>       the id of the component that the node is in (16 bytes)
c:<component id>  version and body of a component (msgpack)
m:<workspace>:<week>:<bucket>   64-bit hashes of message ids (a set of integers)

Node ids are keyed hashes of (workspace, kind, value), so the first two concern one workspace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import redis

from schemas.base import EPOCH
from services.common.batch import unpack_state
from services.profile.domain.component import Component

#: A component that is gone between two reads has been taken in by another; look again so often.
LOOKS_MAX: Final = 20

_FIRST_DAY: Final = EPOCH.toordinal()

#: ARGV: prefix of this week, the one before, the one after; then bucket, id, bucket, id, ...
_KNOWN_LUA: Final = """
local own, before, after, found = ARGV[1], ARGV[2], ARGV[3], {}
local call = redis.call
for at = 4, #ARGV, 2 do
  local bucket, id = ARGV[at], ARGV[at + 1]
  if call('SISMEMBER', own .. bucket, id) == 1
    or call('SISMEMBER', before .. bucket, id) == 1
    or call('SISMEMBER', after .. bucket, id) == 1 then
    found[#found + 1] = (at - 4) / 2
  end
end
return found
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Component).decode


class Loaded(msgspec.Struct):
    """A component as it was read."""

    key: bytes
    version: int
    component: Component


def week_of(moment: datetime) -> int:
    """Weeks since 1970, in UTC."""
    return (moment.toordinal() - _FIRST_DAY) // 7


def node_key(node: bytes) -> bytes:
    return b"n:" + node


def component_key(component: bytes) -> bytes:
    return b"c:" + component


def pack(component: Component) -> bytes:
    """A component's body as Redis keeps it."""
    return _encode(component)


def unpack(body: bytes) -> Component:
    """The component of a body."""
    return _decode(body)


class ProfileStore:
    """Reads of the step; the writes are in its one commit."""

    def __init__(self, client: redis.Redis, buckets: int) -> None:
        self._client = client
        self._buckets = buckets
        self._known = client.register_script(_KNOWN_LUA)

    def message_set(self, workspace: str, week: int, message: int) -> bytes:
        """The set that remembers a message of a week."""
        return b"m:%b:%d:%d" % (workspace.encode(), week, message % self._buckets)

    def known(self, workspace: str, week: int, messages: Sequence[int]) -> set[int]:
        """Which of the messages are remembered in their week, the one before or the one after."""
        arguments: list[bytes | int] = [
            b"m:%b:%d:" % (workspace.encode(), one) for one in (week, week - 1, week + 1)
        ]
        buckets = self._buckets
        for message in messages:
            arguments += (message % buckets, message)
        found: Any = self._known(args=arguments)
        return {messages[place] for place in found}

    def load(self, nodes: Iterable[bytes]) -> tuple[dict[bytes, Loaded], list[bytes]]:
        """(component id -> component for all nodes that have one, nodes that have none)."""
        loaded: dict[bytes, Loaded] = {}
        wanted, absent = list(nodes), list[bytes]()
        for _ in range(LOOKS_MAX):
            homes = self._mget([node_key(node) for node in wanted])
            absent += [node for node, home in zip(wanted, homes, strict=True) if home is None]
            keys = list({home for home in homes if home is not None} - loaded.keys())
            for key, value in zip(keys, self._mget(map(component_key, keys)), strict=True):
                if value is not None:
                    version, body = unpack_state(value)
                    loaded[key] = Loaded(key, version, unpack(body))
            pairs = zip(wanted, homes, strict=True)
            wanted = [node for node, home in pairs if home is not None and home not in loaded]
            if not wanted:
                return loaded, absent
        raise AssertionError(f"{len(wanted)} nodes are in components that do not exist")

    def _mget(self, keys: Iterable[bytes]) -> list[bytes | None]:
        asked = list(keys)
        answers: Any = self._client.mget(asked) if asked else []
        return list(answers)
