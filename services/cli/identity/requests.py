"""A request to merge or part two identifiers: a call on touchpoints.inbound, and the wait."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from schemas.cloudevents import Header
from schemas.topics import INBOUND
from services.cli.identity.named import Named
from services.cli.letters.handled import publish, publisher
from services.cli.letters.ways import Sent
from services.common.settings import Settings
from services.ingest.domain.ids import event_id
from services.profile.domain.ids import Hashes
from services.profile.store import ProfileStore, week_of

LOOK_EVERY_S: Final = 0.2
#: Names of the events as Segment's track call has them.
EVENTS: Final = {"merge": "Profile Merge Requested", "unmerge": "Profile Unmerge Requested"}


class Request(NamedTuple):
    """`one` and `other` are identifiers. `message_id` is new for each request.
    `external`: what Segment's externalIds call the kind of `one`."""

    what: Literal["merge", "unmerge"]
    one: Named
    other: Named
    reason: str
    by: str
    message_id: str
    external: str = ""

    def event_id(self, workspace: str) -> str:
        """Of the touchpoint that ingest makes of it."""
        return event_id(workspace, self.message_id)


def call_of(request: Request, at: datetime) -> dict[str, Any]:
    """The request as a Segment-shaped call."""
    one, other = request.one, request.other
    call: dict[str, Any] = {
        "type": "track",
        "messageId": request.message_id,
        "event": EVENTS[request.what],
        "timestamp": at.astimezone(UTC).isoformat(),
        "properties": {
            "other": {"kind": other.kind, "value": other.value},
            "reason": request.reason,
            "requested_by": request.by,
        },
    }
    match one.kind:
        case "user_id":
            call["userId"] = one.value
        case "anonymous_id":
            call["anonymousId"] = one.value
        case "email" | "phone":
            call["context"] = {"traits": {one.kind: one.value}}
        case _:
            call["context"] = {"externalIds": [{"type": request.external, "id": one.value}]}
    return call


def send(settings: Settings, workspace: str, request: Request, at: datetime) -> None:
    """Into touchpoints.inbound; returns when Kafka has it. NotPublished."""
    value = json.dumps(call_of(request, at)).encode()
    marks: list[Header] = [("workspace", workspace.encode())]
    key = request.message_id.encode()
    publish(
        publisher(settings),
        [Sent(INBOUND.name, key, value, marks, request.event_id(workspace))],
    )


def until_taken(
    store: ProfileStore, salt: str, workspace: str, message_id: str, within_s: float
) -> bool:
    """Waits until profile has committed the event of this message; whether it has in time."""
    message = Hashes(salt).message(workspace, message_id)
    deadline = time.monotonic() + within_s
    while True:
        week = week_of(datetime.now(UTC))
        if store.known(workspace, week, store.bucketed([message])):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_EVERY_S)
