"""Accounts from Redis as they are now: their roots, and the nodes of the trees of their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import redis.asyncio

from services.profile.accounts.store import Head, Root, head, node, node_key
from services.profile.api.answers import Refused
from services.profile.api.together import Together
from services.profile.domain.ids import uuid_text
from services.profile.domain.members_in_order import Member, MembersInOrder

#: So often a page is begun anew, since the account changed while it was read.
LOOKS_MAX: Final = 8


class FoundAccount(NamedTuple):
    """An account as of a version of its root."""

    id: bytes
    version: int
    head: Head

    @property
    def text(self) -> str:
        return uuid_text(self.id)

    @property
    def root(self) -> Root:
        """With its node, which takes longer to read."""
        return Root(self.head.workspace, self.head.account_id, self.head.node)


class AccountReader:
    """Owned by one event loop. Refused (503) when Redis does not answer."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._together = Together(self._mget)

    async def accounts(self, ids: Sequence[bytes]) -> list[FoundAccount | None]:
        """None where there is none: nobody is left in it, or nobody ever was."""
        values = await self._together.all([node_key(one) for one in ids])
        return [_found(one, value) for one, value in zip(ids, values, strict=True)]

    async def members(self, account: bytes, after: bytes | None, most: int) -> list[Member]:
        """The next `most` members behind an id, in the order of their ids. Refused (503) when the
        account changes faster than it is read."""
        for _ in range(LOOKS_MAX):
            members = await self._look(account, after, most)
            if members is not None:
                return members
        raise Refused(503, "busy", "the account changes while it is read; ask again later")

    async def _look(self, account: bytes, after: bytes | None, most: int) -> list[Member] | None:
        """None when the tree was changed in between."""
        (found,) = await self.accounts([account])
        if found is None:
            return []
        tree = MembersInOrder(found.head.node, after, most)
        while missing := tree.missing():
            values = await self._together.all([node_key(account, path) for path in missing])
            for path, value in zip(missing, values, strict=True):
                if value is None:
                    return None
                tree.nodes[path] = node(value)
        return tree.page()

    async def _mget(self, keys: list[bytes]) -> list[bytes | None]:
        answers: Any = await self._client.mget(keys)
        return list(answers)


def _found(account: bytes, value: bytes | None) -> FoundAccount | None:
    if value is None:
        return None
    version, root = head(value)
    return FoundAccount(account, version, root) if root.account_id else None
