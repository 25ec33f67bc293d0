"""What of a published event is sent, if anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.action import ActionRequested
from schemas.alert import Alert
from schemas.cloudevents import HISTORIC, rfc3339
from schemas.dead_letter import Reason
from schemas.lifecycle import LifecycleChanged

Event = LifecycleChanged | Alert | ActionRequested

MODELS: Final[Mapping[str, type[Event]]] = {
    "lifecycle.changed": LifecycleChanged,
    "alerts.raised": Alert,
    "actions.requested": ActionRequested,
}
#: Standard Webhooks asks for bodies below 20 KB.
BODY_BYTES_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook to send: `topic` is its type, `body` is the same on every attempt."""

    topic: str
    workspace: str
    event_id: str
    at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class Historic:
    """Its cause is too old to act on: recorded elsewhere, sent to nobody."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It can not be sent at all; it becomes a dead letter. `workspace` is "unknown" at worst."""

    workspace: str
    reason: Reason
    detail: str


Content = Notice | Historic | Refused


def read(topic: str, value: bytes, marks: Sequence[tuple[str, bytes]] = ()) -> Content:
    """The webhook of one published event; its headers may say that there is none.

    The event travels whole, byte for byte, as `data`. One that makes the body larger than
    20,000 bytes is not cut, since a receiver could not tell: it is refused as too large.
    """
    if HISTORIC in marks:
        return Historic()
    try:
        event = MODELS[topic].model_validate_json(value)
    except ValueError as error:
        # what is wrong and in which field; the lines below would repeat the customer's values
        return Refused("unknown", Reason.POISON, ": ".join(str(error).splitlines()[:2]))
    if event.historic:
        return Historic()
    at = event.requested_at if isinstance(event, ActionRequested) else event.at
    head = f'{{"type":"{topic}","timestamp":"{rfc3339(at)}","data":'
    body = head.encode() + value + b"}"
    if len(body) > BODY_BYTES_MAX:
        detail = f"event {event.event_id}: a body of {len(body)} bytes, {BODY_BYTES_MAX} at most"
        return Refused(event.workspace, Reason.TOO_LARGE, detail)
    return Notice(topic, event.workspace, str(event.event_id), at, body)
