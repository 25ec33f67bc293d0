"""A letter → the records that bring it back the way it came, or why it can not come back. Pure.

The ids of what is accepted are those that it would have had the first time, whatever a mend makes
of it: so it may be sent twice, by two people, or again after a kill, and counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from schemas import topics
from schemas.base import to_json
from schemas.dead_letter import REDRIVEN_HEADER, Redriven, Way
from services.cli.letters.between import between_services
from services.cli.letters.letter import Letter
from services.cli.letters.mend import Operation, mended
from services.cli.letters.ways import Back, Held, Sent, Suppressed
from services.common.batch import Record
from services.common.dead_letters import ORIGINAL_BYTES_MAX
from services.ingest.again import NOBODY, judged_again
from services.ingest.body import inflated
from services.ingest.domain.ids import message_id_of_content
from services.ingest.domain.refusal import Refusal
from services.ingest.keys import Doors
from services.ingest.letters import ORIGINAL_BYTES_MAX as INGEST_BYTES_MAX
from services.ingest.letters import Place
from services.ingest.paths import ENDPOINTS
from services.ingest.reading import decoded
from services.ingest.way import shared_way, usable_id


def back(letter: Letter, rule: Sequence[Operation], doors: Doors, now: datetime) -> Back:
    """What to do for a letter, after the rule."""
    if _is_cut(letter):
        return Held("cut", "its bytes are not all that was sent; the sender has to send it again")
    if letter.service != "ingest":
        if rule:
            return Held("not_a_call", f"a rule mends calls; this is a record of {letter.topic}")
        return between_services(letter, doors)
    plain = inflated(letter.original)
    if isinstance(plain, Refusal):
        return Held(plain.reason, f"{plain.detail}; `rapport dead-letters edit` can mend it")
    if rule:
        call = decoded(plain)
        if isinstance(call, Refusal):
            return Held(call.reason, f"{call.detail}; no rule can mend that, `edit` can")
        plain = msgspec.json.encode(mended(call, rule))
    return back_as(letter, plain, doors, now)


def back_as(
    letter: Letter, body: bytes, doors: Doors, now: datetime
) -> list[Sent] | Held | Suppressed:
    """What to publish for a letter of ingest, with this in place of its bytes. Of a letter that
    holds a whole request, those of its calls that are not suppressed."""
    way = way_of(letter)
    if isinstance(way, Held):
        return way
    calls = _calls(letter, way, body)
    if isinstance(calls, Held):
        return calls
    sent = []
    for raw, redriven in calls:
        judged = _judged(letter, raw, redriven, doors, now)
        if isinstance(judged, Held):
            return judged
        if isinstance(judged, Sent):
            sent.append(judged)
    return sent if sent or not calls else Suppressed()


def events_of(letter: Letter, doors: Doors, now: datetime) -> list[bytes] | Held:
    """The touchpoints that a letter of ingest would be if it came now, as published."""
    way, plain = way_of(letter), inflated(letter.original)
    if isinstance(way, Held):
        return way
    if isinstance(plain, Refusal):
        return Held(plain.reason, plain.detail)
    calls = _calls(letter, way, plain)
    if isinstance(calls, Held):
        return calls
    events = []
    for raw, redriven in calls:
        for verdict in judged_again(doors, Place(_record(letter, raw, redriven), now), redriven):
            if verdict.kind is None:
                return Held(str(verdict.reason or "suppressed"), verdict.detail)
            events.append(verdict.output.value)
    return events


def way_of(letter: Letter) -> Way | Held:
    """The way a letter of ingest had come."""
    if letter.way is not None:
        if letter.way.whole:
            return letter.way
        return Held("context_not_kept", "its batch's context was too large to be kept with it")
    if letter.topic != topics.INBOUND.name:
        return Held("way_not_kept", "refused by a version that did not keep how it had come")
    place = f"{letter.topic}/{letter.partition}/{letter.offset}".encode()
    named = usable_id({"messageId": letter.message_id})
    content_id = message_id_of_content(place)
    return Way(received_at=letter.at, content_id=content_id, message_id=named)


def _calls(letter: Letter, way: Way, body: bytes) -> list[tuple[bytes, Redriven]] | Held:
    """Each call of it with its way; a whole request is read as its path reads it."""
    if way.request is None:
        return [(body, _redriven(letter, way, 0))]
    endpoint = ENDPOINTS[way.request]
    read = endpoint.read(body)
    if isinstance(read, Refusal):
        return Held(read.reason, f"{read.detail}; `rapport dead-letters edit` can mend it")
    shared = shared_way(
        way.received_at, endpoint.call_type, read.sent_at, read.context, endpoint.translate
    )
    if not shared.whole:
        return Held("context_not_kept", "the batch's context is too large for each of its calls")
    return [
        (bytes(raw), _redriven(letter, one, part))
        for part, raw in enumerate(read.raws)
        for one in [
            shared.model_copy(update={"content_id": _part_id(letter, part), "public": way.public})
        ]
    ]


def _redriven(letter: Letter, way: Way, part: int) -> Redriven:
    request_id = letter.request_id or None
    return Redriven(
        letter=letter.id, source=letter.source, way=way, part=part, request_id=request_id
    )


def _part_id(letter: Letter, part: int) -> str:
    """By the letter and not by the bytes: another edit of it makes no other event."""
    return message_id_of_content(f"{letter.id}/{part}".encode())


def _record(letter: Letter, raw: bytes, redriven: Redriven) -> Record:
    marks = [
        mark for mark in letter.headers if letter.workspace == NOBODY or mark[0] != "workspace"
    ]
    if letter.workspace != NOBODY:
        marks.append(("workspace", letter.workspace.encode()))
    marks.append((REDRIVEN_HEADER, to_json(redriven)))
    # a row's change is named by its key too: one that had none must not get one
    key = letter.key if letter.topic else str(letter.id).encode()
    return Record(topics.INBOUND.name, -1, -1, key, raw, tuple(marks))


def _judged(
    letter: Letter, raw: bytes, redriven: Redriven, doors: Doors, now: datetime
) -> Sent | Held | Suppressed:
    record = _record(letter, raw, redriven)
    verdicts = judged_again(doors, Place(record, now), redriven)
    if not verdicts:
        return Held("not_meant", "no mapping makes a call of it")
    for verdict in verdicts:
        if verdict.suppressed is not None:
            return Suppressed()
        if verdict.kind is None:
            return Held(str(verdict.reason), verdict.detail)
    id = verdicts[0].output.event_id.decode()
    return Sent(record.topic, record.key, raw, list(record.headers), id)


def _is_cut(letter: Letter) -> bool:
    """Also of letters that are older than the mark."""
    limit = INGEST_BYTES_MAX if letter.service == "ingest" else ORIGINAL_BYTES_MAX
    return letter.cut or len(letter.original) >= limit
