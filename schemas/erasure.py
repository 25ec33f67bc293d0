"""The erasure of one person: how far it is, and the receipt of what was found and done where."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name

Hash = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class ErasureState(StrEnum):
    """What was done last; the next step begins where it stopped."""

    REQUESTED = "requested"
    SUPPRESSED = "suppressed"
    PROFILES = "profiles"
    COLUMNS = "columns"
    QUEUES = "queues"
    DEAD_LETTERS = "dead_letters"
    LOG_REWRITTEN = "log_rewritten"
    WAITING = "waiting"
    COMPLETE = "complete"


class ErasedIdentifier(Message):
    """An identifier of the person, without its value: the id of its node in the identity graph, and
    its hash on the suppression list. Both are keyed with the installation's salt."""

    kind: Name
    node: Hash
    hash: Hash


class StoreReceipt(Message):
    """One place where something of a person may have been.

    `found`: records, rows or keys that were about them. `expires_at`: when the last copy there is
    gone for good; None: nothing is left. `why`: how that is known, or what is left to do.
    """

    store: Annotated[Name, Field(examples=["kafka", "redis", "clickhouse", "disk"])]
    place: Annotated[Name, Field(examples=["touchpoints.accepted"])]
    found: int
    done: str
    expires_at: Moment | None = None
    why: str = ""


class ReadUpTo(Message):
    """How far profile had read a partition of touchpoints.accepted when a decision took effect:
    the next offset before it and behind it."""

    partition: int = Field(ge=0)
    before: int = Field(ge=0)
    after: int = Field(ge=0)


class Erasure(Message):
    """Topic erasures, key `erasure_id`; the newest counts. Holds no value of an identifier.

    `salt`: a mark of the salt of the hashes. `profiles`: all ids that the person's profile had.
    `erased_at`: from then on the services say that they are erased. `lifted_at`: they are let in
    again, as somebody new, with what is received from then on. `taken_out`, `let_in`: where that
    stands among all that was accepted, so that a rebuild reads it in this order.
    """

    workspace: Name
    erasure_id: UUID
    event_id: UUID
    version: int
    state: ErasureState
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    who: Name
    requested_at: Moment
    changed_at: Moment
    salt: Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
    identifiers: tuple[ErasedIdentifier, ...]
    profiles: tuple[UUID, ...] = ()
    erased_at: Moment | None = None
    columns_deleted_at: Moment | None = None
    lifted_at: Moment | None = None
    receipt: tuple[StoreReceipt, ...] = ()
    expires_at: Moment | None = None
    completed_at: Moment | None = None
    taken_out: tuple[ReadUpTo, ...] = ()
    let_in: tuple[ReadUpTo, ...] = ()
