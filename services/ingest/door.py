"""Calls as bytes → records: accepted touchpoints, or dead letters with the reason.

read → the stages of the draft (pure) → validate → dump → spell. Pydantic validates and dumps the
properties of a kind, the only part that is not right by construction; msgspec writes the envelope
around them, which a contract test holds against the pydantic model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Any

import msgspec

from schemas.cloudevents import rfc3339, rfc3339_bytes, source_of
from schemas.dead_letter import Redriven
from schemas.topics import ACCEPTED
from services.common.batch import Output, Record
from services.common.suppression import Listed
from services.common.workspace import Workspace
from services.ingest.arrival import Arrival as Arrival
from services.ingest.arrival import Unread, arrival_again, passage_in
from services.ingest.domain.clock import moment_of
from services.ingest.domain.draft import (
    STAGES,
    Call,
    Draft,
    Origin,
    identified,
    merged_context,
)
from services.ingest.domain.identity import Names
from services.ingest.domain.ids import Router, message_id_of_content
from services.ingest.domain.public import PublicKey
from services.ingest.domain.refusal import Refusal, Suppressed
from services.ingest.envelope import Envelope, Named, encode
from services.ingest.letters import Passage, Place, Sender, Verdict, content_of, kept_out, refused
from services.ingest.planned import Planned
from services.ingest.reading import call_in, shallow_call_in
from services.ingest.stages import dumped, through, validated
from services.ingest.suppressed import Guard

Stage = Callable[[Draft], Any]


class Door:
    """Lets the calls of one source of one workspace in. Nothing is opened, nothing remembered.

    `listed`: who must not get in; None: nobody. `public`: anybody may have the key that opens it.
    """

    def __init__(
        self,
        workspace: Workspace,
        source: str,
        salt: str,
        listed: Listed | None = None,
        public: bool = False,
    ) -> None:
        names = Names(workspace.identity)
        self.sender = Sender(workspace.name, source)
        self._origin = Origin(workspace.name, source, workspace.currency, names, public)
        self._router = Router(salt, workspace.name)
        self.listed = Listed() if listed is None else listed
        self.guard = Guard(workspace, salt, self.listed)
        #: (somebody is suppressed, the key is public) -> the stages.
        self._stages = {
            (guarded, is_public): self._stages_of(workspace, guarded, is_public)
            for guarded, is_public in product((False, True), repeat=2)
        }

    def _stages_of(self, workspace: Workspace, guarded: bool, public: bool) -> tuple[Stage, ...]:
        known = STAGES.index(identified) + 1
        plan = workspace.plan_of(self.sender.source)
        return (
            *STAGES[:known],
            *([self.guard] if guarded else ()),
            *STAGES[known:],
            validated,
            *([PublicKey(workspace.identity)] if public else ()),
            *([Planned(plan)] if plan else ()),
            dumped,
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
        origin = self._origin_of(arrival)
        results: list[Any] = [
            call if type(call) is Refusal else Draft(call, origin, at)
            for call, at in zip(calls, times, strict=True)
        ]
        stages = self._stages[bool(self.guard), origin.public]
        for stage in (*stages, self._admitting(origin)):
            results = through(stage, results)
        return [
            result
            if type(result) is Verdict
            else self._kept_out_or_refused(
                record.value if record else raw,
                result,
                call,
                passage_in(arrival, raw, at, record, call),
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
        arrival = arrival_again(place, redriven)
        if isinstance(call, Refusal):
            raw = place.record.value
            return self._refuse(
                raw, call, None, passage_in(arrival, raw, place.at, place.record, None)
            )
        there = Place(place.record, arrival.received_at)
        return self.admit([call or place.record.value], arrival, [there])[0]

    def refuse(
        self, raw: bytes, refusal: Refusal, at: datetime, record: Record | None = None
    ) -> Verdict:
        """The verdict on bytes that no call could be made of."""
        return self._refuse(raw, refusal, None, passage_in(Arrival(at), raw, at, record, None))

    def refuse_request(self, body: bytes, unread: Unread, *, cut: bool) -> Verdict:
        """The verdict on a whole request that could not be read."""
        passage = passage_in(unread.arrival, body, unread.arrival.received_at, None, None)
        way = passage.way.model_copy(update={"request": unread.path})
        return self._refuse(body, unread.refusal, None, passage._replace(way=way, cut=cut))

    def _origin_of(self, arrival: Arrival) -> Origin:
        """What came with a public key once stays so, whatever its source is by now."""
        if arrival.again is not None and arrival.way.public:
            return replace(self._origin, public=True)
        return self._origin

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
        if self._origin.public and not passage.way.public:
            passage = passage._replace(way=passage.way.model_copy(update={"public": True}))
        return refused(raw, self.sender, refusal, passage)

    def _admitting(self, origin: Origin) -> Callable[[Draft], Verdict]:
        """The last stage: the draft as a record."""
        workspace, source, public = origin.workspace, origin.source, origin.public
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
                public,
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


#: The same for all calls of a request, so it is spelled once.
_spelled_arrival = lru_cache(maxsize=64)(rfc3339)
