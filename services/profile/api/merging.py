"""Merges and unmerges: what somebody says of two identifiers, as a call into touchpoints.inbound.

The request goes the way of every touchpoint: through the door, once, and in an order that does not
matter. What it leads to is profile's to decide.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Protocol
from uuid import uuid4

import msgspec

from schemas.base import derived_id
from schemas.cloudevents import rfc3339
from schemas.profile_api import MergeTaken
from schemas.profile_asked import AskedIdentifier, MergeAsked
from services.profile.api.answers import Refused, bad_request
from services.profile.api.keys import Holder
from services.profile.api.people import Found, People
from services.profile.domain.ids import uuid_text

IDEMPOTENCY_KEY_MAX: Final = 200


class Request(NamedTuple):
    """What is asked for: the touchpoint's name, and how the audit trail calls it."""

    event: str
    act: str


MERGE: Final = Request("profile_merge_requested", "merge.requested")
UNMERGE: Final = Request("profile_unmerge_requested", "unmerge.requested")


class Inbound(Protocol):
    """Takes a call. Refused (503) when it is not in the log."""

    async def send(self, value: bytes, workspace: str) -> None: ...


class Merging:
    """Checks a request, puts it on record, and hands it to the log."""

    def __init__(self, people: People, inbound: Inbound) -> None:
        self._people = people
        self._inbound = inbound

    async def taken(
        self,
        request: Request,
        asked: MergeAsked,
        holder: Holder,
        now: datetime,
        idempotency_key: str | None,
    ) -> MergeTaken:
        """Once Kafka has it. Refused: 400, 409, 503."""
        nodes = [self._node(holder, name, asked) for name in ("one", "other")]
        if nodes[0] == nodes[1]:
            raise bad_request("`one` and `other` are the same identifier", "same_identifier")
        persons = [await self._people.at_node(holder, node) for node in nodes]
        together = _are_one(persons)
        if request is UNMERGE and not together:
            message = "the two identifiers are not one person now, so there is nothing to part"
            raise Refused(409, "not_one_person", message)
        message_id = _message_id(request, asked, holder, idempotency_key)
        call = _call(request, asked, holder, now) | {"messageId": message_id}
        subject = uuid_text(nodes[0])
        self._people.note(holder, request.act, subject, other=uuid_text(nodes[1]))
        await self._inbound.send(msgspec.json.encode(call), holder.premises.name)
        names = zip(("one", "other"), persons, strict=True)
        return MergeTaken(
            event_id=derived_id(holder.premises.name, message_id),
            message_id=message_id,
            one_person=together,
            unknown=tuple(name for name, person in names if person is None),
        )

    def _node(self, holder: Holder, name: str, asked: MergeAsked) -> bytes:
        identifier: AskedIdentifier = getattr(asked, name)
        try:
            return self._people.node_of(holder, identifier.kind, identifier.value)
        except Refused as refused:
            raise bad_request(f"`{name}`: {refused.message}", refused.code) from None


def _are_one(persons: list[Found | None]) -> bool:
    one, other = persons
    return one is not None and other is not None and one.id == other.id


def _message_id(
    request: Request, asked: MergeAsked, holder: Holder, idempotency_key: str | None
) -> str:
    """The same for a request that is sent again under its Idempotency-Key, and for no other."""
    if idempotency_key is None:
        return f"api-{uuid4().hex}"
    said = (request.event, holder.name, idempotency_key, asked.model_dump_json())
    return "api-" + blake2b("\x1f".join(said).encode(), digest_size=16).hexdigest()


def _call(request: Request, asked: MergeAsked, holder: Holder, now: datetime) -> dict[str, Any]:
    """The Segment-shaped call: of `one`, and about the other."""
    properties = {
        "other": asked.other.model_dump(),
        "requested_by": asked.requested_by or f"key:{holder.name}"[:100],
    }
    if asked.reason:
        properties["reason"] = asked.reason
    return {
        "type": "track",
        "event": request.event,
        "timestamp": rfc3339(now),
        "properties": properties,
        **_whose(asked.one, holder),
    }


#: Identifier kinds that a call has a field for.
_FIELDS: Final = {"user_id": "userId", "anonymous_id": "anonymousId"}
_DESCRIBED: Final = ("email", "phone")


def _whose(identifier: AskedIdentifier, holder: Holder) -> dict[str, Any]:
    """The fields of a call that name this identifier and no other."""
    kind, value = identifier.kind, identifier.value
    if kind in _FIELDS:
        return {_FIELDS[kind]: value}
    if kind in _DESCRIBED:
        return {"context": {"traits": {kind: value}}}
    rules = {rule.kind: rule for rule in holder.premises.workspace.identity.kinds}
    name = next(iter(rules[kind].external_ids), kind)
    return {"context": {"externalIds": [{"id": value, "type": name, "collection": "users"}]}}
