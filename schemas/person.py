"""One person as `rapport export` writes them: all that is kept of them, in one JSON document."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from schemas.base import JsonObject, Message, Moment, Name


class ExportedLink(Message):
    """Why two identifiers belong together: the event and the rule that said it."""

    identifiers: tuple[str, str]
    rule: str
    event_id: UUID
    at: Moment


class ExportedPart(Message):
    """What was folded from the events of one identifier, as it is kept."""

    identifier: str
    part: JsonObject


class OnTopic(Message):
    """A record of a Kafka topic that is about them; `value` is JSON, or base64 where it is none."""

    topic: Name
    partition: int
    offset: int
    published_at: Moment
    value: Any


class OpenDelivery(Message):
    """A webhook about them that waits, or was given up and can be sent again (`given_up`)."""

    endpoint: Name
    id: Name
    given_up: bool
    body: JsonObject


class PersonExport(Message):
    """The document. A table's rows are as ClickHouse has them (`deploy/clickhouse/*.sql` says what
    each column is). What events say of other people is in it: read it before you hand it over."""

    workspace: Name
    exported_at: Moment
    by: Name
    profile_id: UUID | None = Field(description="None: no event counts for them yet")
    profile_ids: tuple[UUID, ...] = Field(description="all ids that their profile may have had")
    identifiers: tuple[JsonObject, ...] = Field(description="kind and value")
    profile: JsonObject | None = Field(description="the snapshot that people see")
    links: tuple[ExportedLink, ...] = ()
    parts: tuple[ExportedPart, ...] = ()
    journey: JsonObject | None = Field(default=None, description="stage, alerts and due moments")
    suppressions: tuple[JsonObject, ...] = ()
    tables: dict[str, tuple[JsonObject, ...]] = Field(
        default_factory=dict, description="touchpoints, scores, lifecycle, alerts, actions, …"
    )
    topics: tuple[OnTopic, ...] = Field(default=(), description="what the log still holds")
    deliveries: tuple[OpenDelivery, ...] = ()
    audit: tuple[JsonObject, ...] = Field(default=(), description="who read or changed them when")
