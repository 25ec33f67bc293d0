"""The envelope of one touchpoint: who, where from, when, and the typed properties of its kind."""

from __future__ import annotations

import operator
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment, Name
from schemas.identifier import Identifier
from schemas.touchpoints import AnyProperties


class Touchpoint(Message):
    """An accepted event (topic touchpoints.accepted).

    `event_id` is derived from (workspace, message_id). `identifiers` are normalised, strongest
    first, without repeats; the first one is whom the event counts for. `public`: the key that it
    came with is public: such an event may not join two known people.
    """

    workspace: Name
    source: Name
    event_id: UUID
    message_id: Annotated[str, Field(min_length=1, max_length=200)]
    occurred_at: Moment
    received_at: Moment
    identifiers: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=20)]
    channel: Annotated[str, Field(max_length=100)] | None = None
    properties: AnyProperties
    context: dict[str, Any] = Field(default_factory=dict)
    public: Annotated[bool, Field(exclude_if=operator.not_)] = False


class ResolvedTouchpoint(Touchpoint):
    """An event with the profile it counts for (topic touchpoints.resolved)."""

    profile_id: UUID
