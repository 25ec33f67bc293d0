"""Something that was refused: the original bytes, why, where and when."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from schemas.base import Message, Moment, Name


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


class DeadLetter(Message):
    """Topic dead_letters. `original` is base64 of the refused bytes, so it can be re-driven."""

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
