"""Calls as bytes → records: accepted touchpoints, or dead letters with the reason.

read → the stages of the draft (pure) → validate → dump → spell. Pydantic validates and dumps the
properties of a kind, the only part that is not right by construction; msgspec writes the envelope
around them, which a contract test holds against the pydantic model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from schemas.cloudevents import rfc3339, rfc3339_bytes, source_of
from schemas.dead_letter import Redriven, Way
from schemas.topics import ACCEPTED
from services.common.batch import Output, Record
from services.common.suppression import Listed
from services.common.workspace import Workspace
from services.ingest.domain.clock import moment_of
from services.ingest.domain.draft import (
    STAGES,
    Call,
    Draft,
    Origin,
    identified,
    merged_context,
)
from services.ingest.domain.identity import blocked_by
from services.ingest.domain.ids import Router, message_id_of_content
from services.ingest.domain.refusal import Refusal, Suppressed
from services.ingest.envelope import Envelope, Named, encode
from services.ingest.letters import Passage, Place, Sender, Verdict, content_of, kept_out, refused
from services.ingest.planned import Planned
from services.ingest.reading import call_in, shallow_call_in
from services.ingest.stages import dumped, through, validated
from services.ingest.suppressed import Guard
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


class Door:
    """Lets the calls of one source of one workspace in. Nothing is opened, nothing remembered.

    `listed`: who must not get in; None: nobody.
    """

    def __init__(
        self, workspace: Workspace, source: str, salt: str, listed: Listed | None = None
    ) -> None:
        blocked = {rule.kind: blocked_by(rule.blocked) for rule in workspace.identity.kinds}
        self.sender = Sender(workspace.name, source)
        self._origin = Origin(workspace.name, source, workspace.currency, blocked)
        self._router = Router(salt, workspace.name)
        plan = workspace.plan_of(source)
        planned = [Planned(plan)] if plan else []
        self._stages: tuple[Callable[[Draft], Any], ...] = (*STAGES, validated, *planned, dumped)
        self.listed = Listed() if listed is None else listed
        self.guard = Guard(workspace.name, salt, self.listed)
        known = STAGES.index(identified) + 1
        self._guarded: tuple[Callable[[Draft], Any], ...] = (
            *self._stages[:known],
            self.guard,
            *self._stages[known:],
        )

    def admit(
        self, raws: Sequence[bytes], arrival: Arrival, places: Sequence[Place] | None = None
    ) -> list[Verdict]:
        """The verdicts, in order. `places`: where the calls stood, if they came from the log.

        Each stage runs over all of them before the next: its code and tables then stay in the
        processor's caches, which takes more than a quarter off the whole.
        """
        records = [place.record for place in places] if places else [None] * len(raws)
        times = [place.at for place in places] if places else [arrival.received_at] * len(raws)
        calls = through(shallow_call_in if arrival.shallow else call_in, raws)
        if arrival.translate is not None:
            calls = through(arrival.translate, calls)
        _complete(calls, raws, records, arrival)
        results: list[Any] = [
            call if type(call) is Refusal else Draft(call, self._origin, at)
            for call, at in zip(calls, times, strict=True)
        ]
        stages = self._guarded if self.guard else self._stages
        for stage in (*stages, self._admitting()):
            results = through(stage, results)
        return [
            result
            if type(result) is Verdict
            else self._kept_out_or_refused(
                record.value if record else raw,
                result,
                call,
                _passage(arrival, raw, at, record, call),
            )
            for raw, at, record, call, result in zip(
                raws, times, records, calls, results, strict=True
            )
        ]

    def admit_again(
        self, place: Place, redriven: Redriven, call: bytes | Refusal | None = None
    ) -> Verdict:
        """The verdict on the call of a letter, as if it came the way that it had come.

        `call`: what the record is understood as, where it is not itself the call.
        """
        arrival = _arrival_again(place, redriven)
        if isinstance(call, Refusal):
            raw = place.record.value
            return self._refuse(
                raw, call, None, _passage(arrival, raw, place.at, place.record, None)
            )
        there = Place(place.record, arrival.received_at)
        return self.admit([call or place.record.value], arrival, [there])[0]

    def refuse(
        self, raw: bytes, refusal: Refusal, at: datetime, record: Record | None = None
    ) -> Verdict:
        """The verdict on bytes that no call could be made of."""
        return self._refuse(raw, refusal, None, _passage(Arrival(at), raw, at, record, None))

    def refuse_request(self, body: bytes, unread: Unread, *, cut: bool) -> Verdict:
        """The verdict on a whole request that could not be read."""
        passage = _passage(unread.arrival, body, unread.arrival.received_at, None, None)
        way = passage.way.model_copy(update={"request": unread.path})
        return self._refuse(body, unread.refusal, None, passage._replace(way=way, cut=cut))

    def _kept_out_or_refused(
        self, raw: bytes, result: Refusal | Suppressed, call: object, passage: Passage
    ) -> Verdict:
        if isinstance(result, Suppressed):
            return kept_out(result)
        return self._refuse(raw, result, call, passage)

    def _refuse(self, raw: bytes, refusal: Refusal, call: object, passage: Passage) -> Verdict:
        if self.guard and self.guard.finds_in_refused(raw, refusal, call, passage):
            return kept_out(Suppressed(self.sender.workspace), refusal)
        message_id = call.get("messageId") if isinstance(call, dict) else None
        if isinstance(message_id, str) and message_id:
            refusal = replace(refusal, message_id=message_id[:200])
        return refused(raw, self.sender, refusal, passage)

    def _admitting(self) -> Callable[[Draft], Verdict]:
        """The last stage: the draft as a record."""
        workspace, source = self.sender
        ce_source, key_of = source_of(workspace), self._router.key

        def admitted(draft: Draft) -> Verdict:
            occurred_at = rfc3339_bytes(draft.occurred_at)
            envelope = Envelope(
                workspace,
                source,
                draft.event_id,
                draft.message_id,
                occurred_at.decode(),
                _spelled_arrival(draft.received_at),
                [Named(kind, name) for kind, name in draft.identifiers],
                draft.channel,
                msgspec.Raw(draft.properties),
                draft.context,
            )
            key = key_of(*draft.identifiers[0]).encode()
            output = Output(
                ACCEPTED.name,
                key,
                encode(envelope),
                draft.event_id.encode(),
                ce_source,
                occurred_at,
                key,
            )
            return Verdict(output, draft.kind, None, "", draft.violated)

        return admitted


def _complete(
    calls: Sequence[Call | Refusal],
    raws: Sequence[bytes],
    records: Sequence[Record | None],
    arrival: Arrival,
) -> None:
    """Give each call, in place, what its request says for all, and an id if it has none."""
    sent_at = moment_of(arrival.sent_at) or arrival.sent_at
    for call, raw, record in zip(calls, raws, records, strict=True):
        if type(call) is Refusal:
            continue
        assert isinstance(call, dict)
        if arrival.call_type is not None:
            call["type"] = arrival.call_type
        if call.get("sentAt") is None:
            call["sentAt"] = sent_at
        if arrival.context:
            call["context"] = merged_context(arrival.context, call.get("context"))
        if arrival.again is not None:
            way = arrival.way
            call["messageId"] = way.message_id or call.get("messageId") or way.content_id
        elif call.get("messageId") in (None, ""):
            call["messageId"] = message_id_of_content(content_of(raw, record))


def passage_of(place: Place, redriven: Redriven | None) -> Passage:
    """How a record came that no door could be found for."""
    arrival = _arrival_again(place, redriven) if redriven else Arrival(place.at)
    return _passage(arrival, place.record.value, place.at, place.record, None)


def _arrival_again(place: Place, redriven: Redriven) -> Arrival:
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


def _passage(
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


#: The same for all calls of a request, so it is spelled once.
_spelled_arrival = lru_cache(maxsize=64)(rfc3339)
