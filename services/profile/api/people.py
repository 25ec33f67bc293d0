"""A profile id or an identifier → the person it is now, and how they look to whoever asks."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from services.common.audit import Act, Auditor, NotKept
from services.profile.api import answers
from services.profile.api.answers import Answer, Refused, not_found, unchanged, versioned
from services.profile.api.keys import Holder
from services.profile.api.masks import masked_profile
from services.profile.api.reader import Home
from services.profile.domain.ids import Hashes, uuid_bytes, uuid_text
from services.profile.domain.people import Person, people
from services.profile.snapshot import snapshot
from services.profile.store import Loaded

PROFILES: Final = b"/v1/profiles/"


class Homes(Protocol):
    """Finds components; None where no event has named the node. Refused (503) without Redis."""

    async def home_of(self, node: bytes) -> Home | None: ...


class Found(NamedTuple):
    """A person, in the component that they are in. `id` is the profile's, which may be another
    than was asked for."""

    id: bytes
    person: Person
    home: Loaded

    @property
    def text(self) -> str:
        return uuid_text(self.id)


class People:
    """Finds people for whoever holds a key, and puts on record who looked at whom."""

    def __init__(self, homes: Homes, salt: str, audit: Auditor) -> None:
        self._homes = homes
        self._node = Hashes(salt).node
        self._audit = audit

    async def by_id(self, holder: Holder, written: str) -> Found:
        """Whoever has this id, or has taken in who had it. Refused: 400, 404."""
        try:
            node = uuid_bytes(written)
        except ValueError:
            message = "a profile id is a UUID"
            raise answers.bad_request(message, "bad_id") from None
        home = await self.home(holder, node)
        found = None if home is None else _person_at(home, holder)
        if home is None or found is None or not _was_a_profile(home):
            raise not_found()
        return found

    async def by_name(self, holder: Holder, kind: str, value: str) -> Found:
        """Whoever is known by this identifier. Refused: 400, 404."""
        found = await self.at_node(holder, self.node_of(holder, kind, value))
        if found is None:
            raise not_found()
        return found

    def node_of(self, holder: Holder, kind: str, value: str) -> bytes:
        """The node of an identifier in the workspace's spelling. Refused (400) if it is none."""
        try:
            clean = holder.premises.spellings.normalised(kind, value)
        except ValueError as error:
            raise answers.bad_request(str(error), "bad_identifier") from None
        return self._node(holder.premises.name, kind, clean)

    async def home(self, holder: Holder, node: bytes) -> Home | None:
        """Where a node is; None where this workspace knows no such identifier."""
        home = await self._homes.home_of(node)
        if home is None or home.loaded.component.workspace != holder.premises.name:
            return None
        return home

    async def at_node(self, holder: Holder, node: bytes) -> Found | None:
        """The person of a node; None where nobody is."""
        home = await self.home(holder, node)
        return None if home is None else _person_at(home, holder)

    def shown(self, holder: Holder, found: Found, if_none_match: bytes | None) -> Answer:
        """The profile as the holder may see it; 304 where they have seen it."""
        home, premises = found.home, holder.premises
        etag = etag_of(holder, home.version)
        if answers.matches(if_none_match, etag):
            return unchanged(etag)
        currency = premises.workspace.currency
        body = snapshot(home.component, found.person, home.version, currency)
        if holder.sees_personal:
            self.note(holder, "profile.read", found.text)
        else:
            body = masked_profile(body, premises.personal)
        return versioned(body, etag, ((b"content-location", PROFILES + found.text.encode()),))

    def note(self, holder: Holder, what: str, subject: str, **details: str | int | bool) -> None:
        """Put on record what is shown of somebody. Refused (503) where it can not be."""
        act = Act(f"key:{holder.name}"[:200], what, holder.premises.name, subject, details)
        try:
            self._audit.note(act)
        except NotKept:
            message = "the audit trail is not written, so personal data is not shown; ask later"
            raise Refused(503, "unavailable", message) from None


def etag_of(holder: Holder, version: int) -> bytes:
    """The version, and what makes it look otherwise to others or under other rules."""
    return b'"%d.%b"' % (version, holder.view)


def _person_at(home: Home, holder: Holder) -> Found | None:
    """The person that the node is part of; None where no event counts for them."""
    loaded, node = home
    component = loaded.component
    for person in people(component, holder.premises.rules):
        if person.id is not None and node in {component.nodes[place].id for place in person.places}:
            return Found(person.id, person, loaded)
    return None


def _was_a_profile(home: Home) -> bool:
    """Whether events count for the node: an identifier that only came along never had a profile."""
    return any(one.id == home.node and one.part is not None for one in home.loaded.component.nodes)
