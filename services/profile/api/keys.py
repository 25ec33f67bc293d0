"""API keys: whose workspace a request is about, and what it may see. Compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from zlib import crc32

from services.common.api_keys import Scope
from services.common.spelling import Spellings
from services.common.workspace import Workspace
from services.profile.api.answers import Refused
from services.profile.domain.rules import Rules
from services.profile.rules import rules_of

BEARER: Final = b"bearer "


@dataclass(frozen=True, slots=True)
class Premises:
    """A workspace as reads see it: its rules and spellings, the traits that are personal in it."""

    workspace: Workspace
    rules: Rules
    personal: frozenset[str]
    spellings: Spellings

    @property
    def name(self) -> str:
        return self.workspace.name


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks: the key's name, its workspace and its scopes.

    `view` changes with all that makes the same version of a profile look otherwise: the rules,
    the currency, whether personal data is masked.
    """

    name: str
    premises: Premises
    scopes: frozenset[Scope]
    view: bytes

    @property
    def sees_personal(self) -> bool:
        return Scope.PROFILE_PII in self.scopes

    def needs(self, scope: Scope) -> None:
        """Refused (403) without the scope: it says nothing about what was asked for."""
        if scope not in self.scopes:
            raise Refused(403, "forbidden", f"this key has no scope {scope}")


class Keys:
    """Finds who holds a key. `renew` exchanges all at once."""

    def __init__(self, workspaces: Mapping[str, Workspace]) -> None:
        self._by_hash: list[tuple[bytes, Holder]] = []
        self.renew(workspaces)

    def renew(self, workspaces: Mapping[str, Workspace]) -> None:
        """From now on these count; a request that is under way goes on as it began."""
        by_hash: list[tuple[bytes, Holder]] = []
        for workspace in workspaces.values():
            premises = Premises(
                workspace,
                rules_of(workspace),
                workspace.api_keys.personal_names(),
                Spellings(workspace.identity),
            )
            for key in workspace.api_keys.keys:
                if key.enabled:
                    scopes = frozenset(key.scopes)
                    holder = Holder(key.name, premises, scopes, _view(premises, scopes))
                    by_hash += [(one.lower().encode(), holder) for one in key.key_hashes]
        self._by_hash = by_hash

    def holder(self, authorization: bytes | None) -> Holder:
        """Of an enabled key in `Authorization: Bearer KEY`. Refused (401) when it is none."""
        found = self._opened_by(authorization)
        if found is None:
            message = "the API key is unknown, missing or switched off: Authorization: Bearer KEY"
            raise Refused(401, "unauthorized", message)
        return found

    def _opened_by(self, authorization: bytes | None) -> Holder | None:
        """Looks at every hash, whatever it finds."""
        if authorization is None or authorization[:7].lower() != BEARER:
            return None
        digest = sha256(authorization[7:].strip()).hexdigest().encode()
        found = None
        for known, holder in self._by_hash:
            if hmac.compare_digest(known, digest):
                found = holder
        return found


def _view(premises: Premises, scopes: frozenset[Scope]) -> bytes:
    masked = Scope.PROFILE_PII not in scopes
    personal = sorted(premises.personal) if masked else ()
    said = (premises.rules.mark, premises.workspace.currency, masked, personal)
    return b"%08x" % crc32(repr(said).encode())
