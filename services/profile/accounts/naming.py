"""What an account is called → the id of its profile: a keyed hash, which concerns one workspace."""

from __future__ import annotations

from typing import Final

from services.profile.domain.ids import Hashes

#: No kind of identifier is named so: an account never has the id of a person.
_NAMESPACE: Final = "\0account"
_HOUSEHOLD: Final = "\0household"


class AccountNames:
    """Of one installation."""

    def __init__(self, salt: str) -> None:
        self._hash = Hashes(salt).node

    def profile(self, workspace: str, account_id: str) -> bytes:
        """The id of an account's profile."""
        return self._hash(workspace, _NAMESPACE, account_id)

    def household(self, workspace: str, shared: str) -> str:
        """The account id of a household by what its people have in common: a hash, since an
        address is no name to show."""
        return f"household:{self._hash(workspace, _HOUSEHOLD, shared).hex()}"
