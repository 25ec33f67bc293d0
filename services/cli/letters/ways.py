"""The ways on which a letter goes back to who refused it, and why it may have none."""

from __future__ import annotations

from typing import NamedTuple

from schemas.cloudevents import Header

#: Topic and key of a record.
Key = tuple[str, bytes]


class Held(NamedTuple):
    """Why a letter stays where it is: a reason for counting, a text for people."""

    reason: str
    detail: str


class Sent(NamedTuple):
    """One record to publish. `event_id`: of the touchpoint that comes of it."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[Header]
    event_id: str


class Snapshot(NamedTuple):
    """A record of a topic that keeps the newest of each key, and where it stood when it was
    refused: it goes back only while no newer one stands behind it."""

    sent: Sent
    version: int
    partition: int
    offset: int

    @property
    def key(self) -> Key:
        """What the topic keeps the newest of."""
        return self.sent.topic, self.sent.key or b""


class Resend(NamedTuple):
    """A webhook that was given up, by its endpoint (workspace/name) and its webhook-id."""

    endpoint: str
    id: str


class Suppressed(NamedTuple):
    """Somebody in it must not get in (any more): it is done with, and nothing is sent."""


Back = list[Sent] | Snapshot | Resend | Held | Suppressed
