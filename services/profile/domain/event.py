"""An event as identity and folds see it: only what they read, in plain values.

msgspec makes them: three times as fast as dataclasses. Facts that identity reads are here, those
that only folds read beside their fold (folds/); folds/table.py knows them all by their kind.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.profile.domain.part import KindCode


class Name(msgspec.Struct, gc=False):
    """An identifier as it stands in a touchpoint."""

    kind: str
    value: str


class Identified(msgspec.Struct, gc=False):
    """Trait names to JSON values."""

    traits: dict[str, msgspec.Raw] = {}


class Aliased(msgspec.Struct, tag_field="kind", tag="aliased", gc=False):
    previous: Name


class MergeRequested(msgspec.Struct, tag_field="kind", tag="profile_merge_requested", gc=False):
    other: Name


class UnmergeRequested(msgspec.Struct, tag_field="kind", tag="profile_unmerge_requested", gc=False):
    other: Name


class Linked(msgspec.Struct, gc=False):
    account_id: str
    role: str | None = None
    left: bool = False
    account_kind: str | None = None
    traits: dict[str, msgspec.Raw] = {}


class Event(msgspec.Struct, gc=False):
    """One touchpoint. `nodes`: ids of its identifiers, strongest first, none blocked.

    `alias`: the node of the other identifier that an aliased event or a request names. `public`:
    the key that it came with is public. `stamp` (the first 8 bytes of the event id) decides between
    facts of the same moment. `facts`: of the class that folds/table.py has for the kind. `others`:
    nodes of people whom the facts name and whom it does not link: who was referred.
    """

    workspace: str
    source: str
    event_id: bytes
    at: datetime
    received: datetime
    kind: KindCode
    facts: Any
    channel: str | None
    names: list[Name]
    nodes: list[bytes] = []
    alias: bytes | None = None
    public: bool = False
    device: str | None = None
    others: list[bytes] = []

    @property
    def stamp(self) -> bytes:
        return self.event_id[:8]
