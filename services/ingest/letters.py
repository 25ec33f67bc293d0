"""What was refused, as a dead letter: the original bytes, the reason, and where it came from."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from schemas.base import derived_id, to_json
from schemas.dead_letter import DeadLetter, Reason, Way
from services.common.batch import Output, Record
from services.common.dead_letters import again_id, as_output, of_record
from services.ingest.domain.refusal import Refusal, Suppressed, Violated

DETAIL_CHARACTERS_MAX: Final = 2_000
#: Kafka takes messages of 1 MB; base64 makes four bytes of three.
ORIGINAL_BYTES_MAX: Final = 600_000


class Verdict(NamedTuple):
    """What to publish, and what it counts as: a kind when accepted, a reason when refused.

    Of what is suppressed nothing is published: `suppressed` is then the workspace that somebody in
    it must not get into; a reason says what it is answered, as if nobody were suppressed.
    """

    published: Output | None
    kind: str | None
    reason: Reason | None = None
    detail: str = ""
    violated: Violated | None = None
    suppressed: str | None = None

    @property
    def output(self) -> Output:
        """What is published of it. An assertion where nothing is."""
        assert self.published is not None, "nothing is published of what is suppressed"
        return self.published


class Place(NamedTuple):
    """Where a call stood in the log, and when the log took it."""

    record: Record
    at: datetime


class Sender(NamedTuple):
    """Whose call it was."""

    workspace: str
    source: str


def content_of(raw: bytes, record: Record | None) -> bytes:
    """What names a call without a messageId: its place in the log, else its bytes."""
    return f"{record.topic}/{record.partition}/{record.offset}".encode() if record else raw


class Passage(NamedTuple):
    """How refused bytes had come. `at`: when they were refused. `former`: the letter that was
    re-driven, and which of its calls it is. `cut`: they are not all that was sent. `request_id`:
    what the sender was told that names the request."""

    at: datetime
    way: Way
    request_id: str | None
    record: Record | None = None
    former: tuple[UUID, int] | None = None
    cut: bool = False


def located(verdict: Verdict, where: str) -> Verdict:
    """A refusal that says where in a file it happened; what was let in stays as it is."""
    if verdict.reason is None or verdict.published is None:
        return verdict
    letter = DeadLetter.model_validate_json(verdict.output.value)
    detail = f"{where}: {letter.detail}"[:DETAIL_CHARACTERS_MAX]
    value = to_json(letter.model_copy(update={"detail": detail}))
    return verdict._replace(published=msgspec.structs.replace(verdict.published, value=value))


def kept_out(who: Suppressed, refusal: Refusal | None = None) -> Verdict:
    """The verdict on what somebody is named in who must not get in: nothing of it is kept."""
    if refusal is None:
        return Verdict(None, None, suppressed=who.workspace)
    return Verdict(None, None, refusal.reason, refusal.detail, suppressed=who.workspace)


def refused(raw: bytes, sender: Sender, refusal: Refusal, passage: Passage) -> Verdict:
    """The verdict on bytes that are not let in. Its id is derived from what names the call; that
    of a re-driven one from its former letter, so that repeats of it make one letter."""
    record = passage.record
    letter = DeadLetter(
        workspace=sender.workspace,
        event_id=_id(raw, sender, passage, refusal),
        service="ingest",
        reason=refusal.reason,
        detail=refusal.detail[:DETAIL_CHARACTERS_MAX],
        field=refusal.field[:200] if refusal.field else None,
        source=sender.source,
        message_id=refusal.message_id,
        original=b64encode(raw[:ORIGINAL_BYTES_MAX]).decode(),
        topic=record.topic if record else None,
        partition=record.partition if record else None,
        offset=record.offset if record else None,
        at=passage.at,
        way=passage.way,
        former=passage.former[0] if passage.former else None,
        cut=passage.cut or len(raw) > ORIGINAL_BYTES_MAX,
        request_id=passage.request_id,
        **of_record(record),
    )
    output = as_output(letter, key=record.topic if record else sender.source)
    return Verdict(output, None, refusal.reason, refusal.detail, refusal.violated)


def _id(raw: bytes, sender: Sender, passage: Passage, refusal: Refusal) -> UUID:
    """A record of the log may be several calls (by several mappings): each has a message id too."""
    if passage.former is not None:
        return again_id("ingest", *passage.former)
    cause = [content_of(raw, passage.record).hex()]
    if passage.record and refusal.message_id:
        cause.append(refusal.message_id)
    return derived_id("dead", "ingest", sender.source, *cause)


def outputs_of(verdicts: Iterable[Verdict]) -> list[Output]:
    """All that is published: each call, and what is not as planned in it; nothing of suppressed."""
    outputs = []
    for verdict in verdicts:
        if verdict.published is None:
            continue
        outputs.append(verdict.published)
        if verdict.violated is not None:
            outputs.append(verdict.violated.output)
    return outputs
