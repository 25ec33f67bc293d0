"""Somebody who must not get in: a keyed hash of the identifier, never the identifier itself."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name


class Suppression(Message):
    """Topic suppressions, key `hash`; a record without a value lifts it.

    `hash`: 32 hexadecimal digits of the workspace, the kind and the normalised value, keyed with
    the installation's salt. `salt`: a mark of that salt; under another salt the hash finds nobody.
    `reason`: erased, asked, legal or another word. `until`: from then on it holds no more.
    """

    workspace: Name
    event_id: UUID
    hash: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    kind: Annotated[str, Field(examples=["email"])]
    reason: Annotated[str, Field(min_length=1, max_length=100, examples=["asked"])]
    who: Name
    at: Moment
    until: Moment | None = None
    salt: Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
