"""Write keys: whose source a request is from. Only hashes are kept; compared in constant time."""

from __future__ import annotations

import hmac
import math
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from services.common.batch import Record
from services.common.suppression import Listed
from services.common.workspace import INBOUND, Source, Workspace
from services.ingest import answers
from services.ingest.answers import Answer
from services.ingest.domain.allowance import Allowance
from services.ingest.door import Door
from services.ingest.foreign import Foreign


class Entrance(NamedTuple):
    """The door of a source, and who may come to it."""

    door: Door
    source: Source
    allowance: Allowance | None

    def turned_away(self, origin: str | None) -> Answer | None:
        """Why a request is not even read: its browser is on another site, or it is too many."""
        allowed = self.source.allowed_origins
        if origin is not None and allowed and origin.lower() not in allowed:
            return answers.error(403, "forbidden_origin", f"{origin[:200]} may not use this key")
        wait_s = self.allowance.wait_s() if self.allowance else 0.0
        return answers.too_many(math.ceil(wait_s)) if wait_s else None

    def spend(self, events: int) -> None:
        """A request brought so many events."""
        if self.allowance:
            self.allowance.spend(events)


class Doors:
    """Finds the entrance that a write key opens, and the doors of the log by workspace.

    `listed`: who must not get in; None: nobody.
    """

    def __init__(
        self, workspaces: Mapping[str, Workspace], salt: str, listed: Listed | None = None
    ) -> None:
        self._salt = salt
        self.listed = Listed() if listed is None else listed
        self._by_hash: list[tuple[bytes, Entrance]] = []
        self._inbound: dict[str, Door] = {}
        self._workspaces: Mapping[str, Workspace] = {}
        self._again: dict[tuple[str, str], Door] = {}
        self._foreign: dict[str, Foreign] = {}
        self.renew(workspaces)

    def renew(self, workspaces: Mapping[str, Workspace]) -> None:
        """From now on these workspaces count. Whoever is inside already goes on as before."""
        by_hash: list[tuple[bytes, Entrance]] = []
        inbound: dict[str, Door] = {}
        foreign: dict[str, Foreign] = {}
        for workspace in workspaces.values():
            inbound[workspace.name] = self._door(workspace, INBOUND)
            foreign[workspace.name] = Foreign(workspace)
            for source in workspace.sources:
                if source.enabled:
                    entrance = self._entrance(workspace, source)
                    hashes = (value.lower().encode() for value in source.key_hashes)
                    by_hash.extend((value, entrance) for value in hashes)
        self._by_hash, self._inbound, self._foreign = by_hash, inbound, foreign
        self._workspaces, self._again = workspaces, {}

    def _entrance(self, workspace: Workspace, source: Source) -> Entrance:
        """What was spent stays spent, unless the limits have changed."""
        door = self._door(workspace, source.name)
        if source.limits is None:
            return Entrance(door, source, None)
        for _, known in self._by_hash:
            if known.door.sender == door.sender and known.source.limits == source.limits:
                return Entrance(door, source, known.allowance)
        return Entrance(door, source, Allowance(source.limits.events_per_s, source.limits.burst))

    def opened_by(self, key: str | None) -> Entrance | None:
        """That of an enabled source with this key. Looks at every hash, whatever it finds."""
        if not key:
            return None
        digest = sha256(key.encode("utf-8", "replace")).hexdigest().encode()
        found = None
        for known, entrance in self._by_hash:
            if hmac.compare_digest(known, digest):
                found = entrance
        return found

    def of_workspace(self, name: str | None) -> Door | None:
        """The door for records of the log; without a name the only workspace there is."""
        if name is None and len(self._inbound) == 1:
            return next(iter(self._inbound.values()))
        return self._inbound.get(name or "")

    def of_letter(self, workspace: str | None, source: str) -> Door | None:
        """The door that a letter's call came to, also when its source is gone by now."""
        if workspace is None and len(self._workspaces) == 1:
            workspace = next(iter(self._workspaces))
        found = self._workspaces.get(workspace or "")
        if found is None:
            return None
        if (door := self._again.get((found.name, source))) is None:
            door = self._again[found.name, source] = self._door(found, source)
        return door

    def suppresses(self, record: Record) -> str | None:
        """The workspace that somebody must not get into who is named in a record of nobody's."""
        for name, door in self._inbound.items():
            if door.guard and door.guard.finds_in_record(record):
                return name
        return None

    def _door(self, workspace: Workspace, source: str) -> Door:
        public = any(one.public for one in workspace.sources if one.name == source)
        return Door(workspace, source, self._salt, self.listed, public)

    def foreign_of(self, workspace: str) -> Foreign:
        """What understands the records of a workspace that has a door."""
        return self._foreign[workspace]


def basic_user(authorization: bytes | None) -> str | None:
    """The user name of HTTP Basic (RFC 7617); Segment's write key, with an empty password."""
    if authorization is None or authorization[:6].lower() != b"basic ":
        return None
    try:
        plain = b64decode(authorization[6:].strip(), validate=True).decode()
    except ValueError:
        return None
    return plain.partition(":")[0] or None
