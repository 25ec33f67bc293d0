"""How calls came: what those of one request share, and of a letter what it says of its call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, NamedTuple

from schemas.dead_letter import Redriven, Way
from services.common.batch import Record
from services.ingest.domain.draft import Call
from services.ingest.domain.ids import message_id_of_content
from services.ingest.domain.refusal import Refusal
from services.ingest.letters import Passage, Place, content_of
from services.ingest.way import Again, dialect_of, shared_way, usable_id

#: Between ingest and who sends letters again; what was received later than that was not.
CLOCKS_DIFFER_MAX: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Arrival:
    """What all calls of one request share. `call_type`: where the path says it. `translate`: makes
    a call of what the sender calls one. `again`: it is the one call of a letter. `shallow`: the
    body that they stood in was not too deep, so none of them is. `request_id`: what the answer
    names the request."""

    received_at: datetime
    call_type: str | None = None
    sent_at: object = None
    context: Mapping[str, Any] | None = None
    translate: Callable[[Call], Call | Refusal] | None = None
    again: Again | None = None
    shallow: bool = False
    request_id: str | None = None

    @cached_property
    def way(self) -> Way:
        """What the letters of these calls have in common."""
        if self.again is not None:
            return self.again.redriven.way
        return shared_way(
            self.received_at, self.call_type, self.sent_at, self.context, self.translate
        )


class Unread(NamedTuple):
    """A whole request that could not be read: why, how it came and to which path."""

    refusal: Refusal
    arrival: Arrival
    path: str


def passage_of(place: Place, redriven: Redriven | None) -> Passage:
    """How a record came that no door could be found for."""
    arrival = arrival_again(place, redriven) if redriven else Arrival(place.at)
    return passage_in(arrival, place.record.value, place.at, place.record, None)


def arrival_again(place: Place, redriven: Redriven) -> Arrival:
    """Nothing was received after it came here again, but for clocks that differ."""
    way = redriven.way
    early = way.received_at <= place.at + CLOCKS_DIFFER_MAX
    return Arrival(
        way.received_at if early else place.at,
        way.call_type,
        way.sent_at,
        way.context,
        dialect_of(way),
        Again(redriven, place.at),
        request_id=redriven.request_id,
    )


def passage_in(
    arrival: Arrival, raw: bytes, at: datetime, record: Record | None, call: object
) -> Passage:
    """How a refused call came. What it was named by once, it keeps."""
    again = arrival.again
    if again is not None:
        redriven = again.redriven
        message_id = redriven.way.message_id or usable_id(call)
        way = arrival.way.model_copy(update={"message_id": message_id})
        former = (redriven.letter, redriven.part)
        return Passage(again.at, way, arrival.request_id, record, former)
    content_id = message_id_of_content(content_of(raw, record))
    named = {"received_at": at, "content_id": content_id, "message_id": usable_id(call)}
    return Passage(at, arrival.way.model_copy(update=named), arrival.request_id, record)
