"""What accounts remember in Redis.

pa:<profile id>          version of the person's newest snapshot; ids of the accounts that they
                         contribute to (16 bytes each)
pt:<account>             version and root of an account's tree, with its name (msgpack)
pt:<account><path>       version and another node of it

Account ids here are keyed hashes of (workspace, account id): they concern one workspace each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import redis

from services.common.batch import unpack_state
from services.profile.domain.ids import NODE_BYTES
from services.profile.domain.member_tree import NOBODY, ROOT, MemberTree, Path, TreeNode

_encode = msgspec.msgpack.Encoder().encode
_decode_node: Final = msgspec.msgpack.Decoder(TreeNode).decode


class Root(NamedTuple):
    """The root of an account's tree, and whose it is. Without a name nobody is left in it."""

    workspace: str
    account_id: str
    node: TreeNode


_decode_root: Final = msgspec.msgpack.Decoder(Root).decode


class Head(NamedTuple):
    """A root whose node is not looked at yet."""

    workspace: str
    account_id: str
    packed: msgspec.Raw

    @property
    def node(self) -> TreeNode:
        return _decode_node(self.packed)


_decode_head: Final = msgspec.msgpack.Decoder(Head).decode


class Person(NamedTuple):
    """The accounts that a person contributes to, as of the version of their snapshot."""

    version: int
    accounts: frozenset[bytes]


class Loaded(NamedTuple):
    """Of all nodes that were read: key -> version, 0 where there is none; account -> its name."""

    versions: dict[bytes, int]
    names: dict[bytes, str]


STRANGER: Final = Person(0, frozenset())


def person_key(profile: bytes) -> bytes:
    return b"pa:" + profile


def node_key(account: bytes, path: Path = ROOT) -> bytes:
    return b"pt:" + account + path


def person_body(accounts: Iterable[bytes]) -> bytes:
    """A person's accounts as they are stored."""
    return b"".join(sorted(accounts))


def root_body(root: Root) -> bytes:
    return _encode(root)


def node_body(node: TreeNode) -> bytes:
    return _encode(node)


def head(value: bytes) -> tuple[int, Head]:
    """(version, root) of what stands under an account's key."""
    version, body = unpack_state(value)
    return version, _decode_head(body)


def node(value: bytes) -> TreeNode:
    """What stands under the key of another node."""
    return _decode_node(unpack_state(value)[1])


class AccountStore:
    """Reads of the step; the writes are in its one commit."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def persons(self, profiles: Collection[bytes]) -> dict[bytes, Person]:
        """Those of the people who contribute to an account, or did."""
        values = self._mget(map(person_key, profiles))
        pairs = zip(profiles, values, strict=True)
        return {profile: _person(value) for profile, value in pairs if value is not None}

    def roots(self, accounts: Collection[bytes]) -> dict[bytes, tuple[int, Root]]:
        """(version, root) of the accounts that there are."""
        values = self._mget([node_key(account) for account in accounts])
        found = {}
        for account, value in zip(accounts, values, strict=True):
            if value is not None:
                version, body = unpack_state(value)
                found[account] = version, _decode_root(body)
        return found

    def load(self, trees: Mapping[bytes, MemberTree]) -> Loaded:
        """Read all that the trees miss, a level at a time."""
        loaded = Loaded({}, {})
        while missing := [(one, path) for one in trees for path in trees[one].missing()]:
            keys = [node_key(account, path) for account, path in missing]
            for (account, path), key, value in zip(missing, keys, self._mget(keys), strict=True):
                version, body = unpack_state(value) if value is not None else (0, b"")
                loaded.versions[key] = version
                if path == ROOT and body:
                    root = _decode_root(body)
                    loaded.names[account] = root.account_id
                    trees[account].nodes[path] = root.node
                else:
                    trees[account].nodes[path] = _decode_node(body) if body else NOBODY
        return loaded

    def _mget(self, keys: Iterable[bytes]) -> list[bytes | None]:
        asked = list(keys)
        answers: Any = self._client.mget(asked) if asked else []
        return list(answers)


def _person(value: bytes) -> Person:
    version, body = unpack_state(value)
    ids = [body[at : at + NODE_BYTES] for at in range(0, len(body), NODE_BYTES)]
    return Person(version, frozenset(ids))
