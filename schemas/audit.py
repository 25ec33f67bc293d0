"""Who did what about whom and when: one link of a chain that nobody can change unnoticed."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
#: What an act was about: numbers, reasons, hashes, ids; never a value that names somebody.
Details = dict[str, str | int | bool]


class ChainEnd(Message):
    """The last record of a chain, as another one that begins later found it."""

    writer: Name
    sequence: int
    hash: Digest


class AuditRecord(Message):
    """Topic audit, key `writer`. Records of a writer have the sequences 0, 1, 2, …

    `hash`: SHA-256 of all other fields as JSON, sorted by name, without spaces (ASCII).
    `previous`: the hash of the writer's record before it; 64 zeros for the first. `follows`: in
    the first, the ends of chains that it found and that no other one had named.
    `subject`: a profile id, a keyed hash, or the name of what is no person; never an identifier.
    """

    writer: Name
    sequence: Annotated[int, Field(ge=0)]
    event_id: UUID
    at: Moment
    who: Name
    what: Annotated[Name, Field(examples=["profile.read"])]
    workspace: Name
    subject: Annotated[str, Field(max_length=200)] = ""
    details: Details = Field(default_factory=dict)
    follows: tuple[ChainEnd, ...] = ()
    previous: Digest
    hash: Digest
