"""What profile remembers in Redis.

n:<node id>       the id of the component that the node is in (16 bytes); or `a` and the id of the
                  node that it was absorbed into (17); or a version and `erased`, or `lifted` (14)
c:<component id>  version and body of a component (msgpack)
m:<workspace>:<week>:<bucket>   64-bit hashes of message ids (a set of integers)
ir:<workspace>    which rules show people alike: a note of `rapport identity apply`, for the next

Node ids are keyed hashes of (workspace, kind, value), so the first two concern one workspace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import redis

from schemas.base import EPOCH
from services.common.batch import VERSION_BYTES, pack_state, unpack_state
from services.profile.domain.component import Component, Node
from services.profile.domain.erasing import ERASED, LIFTED
from services.profile.domain.ids import NODE_BYTES
from services.profile.domain.part import FIRST, Part, nothing

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

#: Places of the nodes in a component, of the part in a node.
_NODES: Final = Component._fields.index("nodes")
_PART: Final = Node._fields.index("part")
_ACCOUNTS: Final = Part._fields.index("accounts")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Component).decode


class Loaded(msgspec.Struct):
    """A component as it was read."""

    key: bytes
    version: int
    component: Component


class Found(msgspec.Struct):
    """What Redis knows of some nodes.

    components   by their id
    absent       nodes that have no component
    absorbed     node -> the node in one of the components that it was absorbed into
    orphans      node -> the first 8 bytes of its key, a number: what absorbed it is gone
    erased       node -> the node that was erased, itself or what it was absorbed into, and the
                 version at which that was
    lifted       likewise of those that are let in again; the version is the moment since which
    """

    components: dict[bytes, Loaded] = {}
    absent: list[bytes] = []
    absorbed: dict[bytes, bytes] = {}
    orphans: dict[bytes, int] = {}
    erased: dict[bytes, tuple[bytes, int]] = {}
    lifted: dict[bytes, tuple[bytes, int]] = {}


def week_of(moment: datetime) -> int:
    """Weeks since 1970, in UTC."""
    return (moment.toordinal() - _FIRST_DAY) // 7


def node_key(node: bytes) -> bytes:
    return b"n:" + node


def component_key(component: bytes) -> bytes:
    return b"c:" + component


def erased_mark(version: int) -> bytes:
    """What the key of an erased node says, shorter than all else."""
    mark = pack_state(version, ERASED)
    assert len(mark) < NODE_BYTES
    return mark


def lifted_mark(from_us: int) -> bytes:
    """What the key of an erased node says that is let in again."""
    return pack_state(from_us, LIFTED)


def pack(component: Component) -> bytes:
    """A component's body as Redis keeps it."""
    return _encode(component)


def unpack(body: bytes) -> Component:
    """The component of a body; parts of earlier versions get what they lack, empty."""
    try:
        return _decode(body)
    except msgspec.ValidationError:
        return _decode(_completed(body))


def _completed(body: bytes) -> bytes:
    """The body with all fields of today's parts. Fields are only ever appended."""
    component: Any = msgspec.msgpack.decode(body)
    for node in component[_NODES]:
        part = node[_PART] if len(node) > _PART else None
        if part is not None:
            if isinstance(part[_ACCOUNTS], list):  # names alone, without a word on since when
                word = (part[0][FIRST], b"")
                alone: list[Any] = [[word], word, None, None, None, {}]
                part[_ACCOUNTS] = dict.fromkeys(part[_ACCOUNTS], alone)
            part.extend(nothing()[len(part) - 1 :])
    return _encode(component)


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

    def load(self, nodes: Iterable[bytes]) -> Found:
        """The components of nodes, also of those that were absorbed into another one."""
        found, wanted = Found(), list(nodes)
        leads: dict[bytes, bytes] = {}  # what was absorbed -> what its key says
        for _ in range(LOOKS_MAX):
            homes = self._mget([node_key(node) for node in wanted])
            asked = {node: home for node, home in zip(wanted, homes, strict=True) if home}
            found.absent += [node for node in wanted if node not in asked]
            for node in [node for node, home in asked.items() if len(home) < NODE_BYTES]:
                version, says = unpack_state(asked.pop(node))
                (found.lifted if says == LIFTED else found.erased)[node] = (node, version)
            leading = {node: home for node, home in asked.items() if len(home) > NODE_BYTES}
            leads |= leading
            there = self._load_components(asked.values(), found)
            # neither in the component that its key said, nor absorbed: it went between two looks
            wanted = [node for node in asked if node not in there and node not in leading]
            wanted += {home[1:] for home in leading.values()} - leads.keys()
            if not wanted:
                return _followed(found, leads)
        raise AssertionError(f"{len(wanted)} nodes are in components that do not exist")

    def _load_components(self, homes: Iterable[bytes], found: Found) -> set[bytes]:
        """Load these components, as they are now; the nodes that are in them."""
        keys = [key for key in dict.fromkeys(homes) if len(key) == NODE_BYTES]
        nodes = set()
        for key, value in zip(keys, self._mget(map(component_key, keys)), strict=True):
            if value is not None:
                version, body = unpack_state(value)
                one = found.components[key] = Loaded(key, version, unpack(body))
                nodes |= {node.id for node in one.component.nodes}
        return nodes

    def _mget(self, keys: Iterable[bytes]) -> list[bytes | None]:
        asked = list(keys)
        answers: Any = self._client.mget(asked) if asked else []
        return list(answers)


def _followed(found: Found, leads: dict[bytes, bytes]) -> Found:
    """Say of what was absorbed where it is at last."""
    gone = set(found.absent)
    for node, lead in leads.items():
        into = lead[1:]
        while into in leads:
            into = leads[into][1:]
        if into in found.erased:
            found.erased[node] = found.erased[into]
        elif into in found.lifted:
            found.lifted[node] = found.lifted[into]
            found.orphans[node] = int.from_bytes(lead[:VERSION_BYTES], "big")
        elif into in gone:
            found.orphans[node] = int.from_bytes(lead[:VERSION_BYTES], "big")
        else:
            found.absorbed[node] = into
    return found
