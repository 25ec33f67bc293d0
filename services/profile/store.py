"""What profile remembers in Redis.

n:<node id>       the id of the component that the node is in (16 bytes)
c:<component id>  version and body of a component (msgpack)
m:<workspace>:<week>:<bucket>   64-bit hashes of message ids (a set of integers)

Node ids are keyed hashes of (workspace, kind, value), so the first two concern one workspace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

#: ARGV: prefix of this week, the one before, the one after; then bucket, number of ids, ids, ...
_KNOWN_LUA: Final = """
local found, at = {}, 4
while at < #ARGV do
  local bucket, last = ARGV[at], at + 1 + tonumber(ARGV[at + 1])
  for week = 1, 3 do
    local members = redis.call('SMISMEMBER', ARGV[week] .. bucket, unpack(ARGV, at + 2, last))
    for place, known in ipairs(members) do
      if known == 1 then found[#found + 1] = ARGV[at + 1 + place] end
    end
  end
  at = last + 1
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

    def bucketed(self, messages: Iterable[int]) -> dict[int, list[int]]:
        """The messages by the bucket that remembers them: a bucket is asked and written at once."""
        found: dict[int, list[int]] = {}
        buckets = self._buckets
        for message in messages:
            found.setdefault(message % buckets, []).append(message)
        return found

    def message_set(self, workspace: str, week: int, bucket: int) -> bytes:
        """The set that remembers the messages of a week and a bucket."""
        return b"m:%b:%d:%d" % (workspace.encode(), week, bucket)

    def known(
        self, workspace: str, week: int, messages: Mapping[int, Sequence[int]]
    ) -> frozenset[int]:
        """Which messages (by bucket) are remembered in their week, the one before or the one after.

        At most 5,000 in a bucket: the script unpacks them onto Lua's stack.
        """
        arguments: list[bytes | int] = [
            b"m:%b:%d:" % (workspace.encode(), one) for one in (week, week - 1, week + 1)
        ]
        for bucket, ids in messages.items():
            arguments += (bucket, len(ids))
            arguments += ids
        found: Any = self._known(args=arguments)
        return frozenset(map(int, found))

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
