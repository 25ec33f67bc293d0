"""Something that was refused: the original bytes, why, where and when."""

from __future__ import annotations

import operator
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from schemas.base import JsonObject, Message, Moment, Name

#: The Kafka header of what is re-driven: in touchpoints.inbound a Redriven, elsewhere the
#: letter's id.
REDRIVEN_HEADER: Final = "rapport_redriven"


class Reason(StrEnum):
    """Why something was refused. Metrics are labelled with it, so it stays a short list."""

    MALFORMED_JSON = "malformed_json"
    NOT_AN_OBJECT = "not_an_object"
    NO_IDENTIFIER = "no_identifier"
    BAD_IDENTIFIER = "bad_identifier"
    NO_EVENT_NAME = "no_event_name"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_WORKSPACE = "unknown_workspace"
    BAD_TIME = "bad_time"
    BAD_PROPERTIES = "bad_properties"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    POISON = "poison"
    UNDELIVERABLE = "undeliverable"
    PLAN_VIOLATION = "plan_violation"
    PLAN_BLOCKED = "plan_blocked"
    PUBLIC_KEY = "public_key"


class Way(Message):
    """How a call had come to ingest, where its bytes do not say it: it can come so again.

    `content_id` is its message id if it brings none; `message_id` is what it is named by,
    whatever a mend makes of it. `request`: the path of a whole request that could not be read.
    `whole` is False where a batch's context was too large to be kept with each of its letters.
    `public`: the key was one that anybody may have, and stays so when the call comes again.
    """

    received_at: Moment
    content_id: str
    message_id: str | None = None
    call_type: str | None = None
    sent_at: str | None = None
    context: JsonObject | None = None
    dialect: str | None = None
    request: str | None = None
    whole: bool = True
    public: Annotated[bool, Field(exclude_if=operator.not_)] = False


class Redriven(Message):
    """What a re-driven record says of the letter that it comes from. `part`: which call of it, of
    a letter that holds a whole request."""

    letter: UUID
    source: Name
    way: Way
    part: int = 0
    request_id: str | None = None


class DeadLetter(Message):
    """Topic dead_letters. `original` is base64 of the refused bytes, so it can be re-driven.

    `former`: the letter that was re-driven and refused again. `key` and the values of `headers`
    are base64, of the record that was refused. `cut`: `original` is not all of it. `request_id`:
    the x-request-id that the call was answered with. `endpoint`: the workspace/name of a webhook
    that was given up.
    """

    workspace: Name
    event_id: UUID
    service: str
    reason: Reason
    detail: str
    field: str | None = None
    source: str | None = None
    message_id: str | None = None
    original: str
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    at: Moment
    way: Way | None = None
    former: UUID | None = None
    key: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    request_id: str | None = None
    endpoint: str | None = None
