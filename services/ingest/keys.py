"""Write keys: whose source a request is from. Only hashes are kept; compared in constant time."""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256

from services.common.workspace import Workspace
from services.ingest.door import Door


class Doors:
    """Finds the door that a write key opens, and the doors of the log by workspace."""

    def __init__(self, workspaces: Mapping[str, Workspace], salt: str) -> None:
        self._salt = salt
        self._by_hash: list[tuple[bytes, Door]] = []
        self._inbound: dict[str, Door] = {}
        self.renew(workspaces)

    def renew(self, workspaces: Mapping[str, Workspace]) -> None:
        """From now on these workspaces count. Whoever is inside already goes on as before."""
        by_hash: list[tuple[bytes, Door]] = []
        inbound: dict[str, Door] = {}
        for workspace in workspaces.values():
            inbound[workspace.name] = Door(workspace, "inbound", self._salt)
            for source in workspace.sources:
                door = Door(workspace, source.name, self._salt)
                if source.enabled:
                    hashes = (value.lower().encode() for value in source.key_hashes)
                    by_hash.extend((value, door) for value in hashes)
        self._by_hash, self._inbound = by_hash, inbound

    def opened_by(self, key: str | None) -> Door | None:
        """The door of an enabled source with this key. Looks at every hash, whatever it finds."""
        if not key:
            return None
        digest = sha256(key.encode("utf-8", "replace")).hexdigest().encode()
        found = None
        for known, door in self._by_hash:
            if hmac.compare_digest(known, digest):
                found = door
        return found

    def of_workspace(self, name: str | None) -> Door | None:
        """The door for records of the log; without a name the only workspace there is."""
        if name is None and len(self._inbound) == 1:
            return next(iter(self._inbound.values()))
        return self._inbound.get(name or "")


def basic_user(authorization: bytes | None) -> str | None:
    """The user name of HTTP Basic (RFC 7617); Segment's write key, with an empty password."""
    if authorization is None or authorization[:6].lower() != b"basic ":
        return None
    try:
        plain = b64decode(authorization[6:].strip(), validate=True).decode()
    except ValueError:
        return None
    return plain.partition(":")[0] or None
