"""What was refused, as a dead letter: the original bytes, the reason, and where it came from."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from schemas.base import derived_id
from schemas.dead_letter import DeadLetter, Reason
from services.common.batch import Output, Record
from services.common.dead_letters import as_output
from services.ingest.domain.refusal import Refusal, Violated

DETAIL_CHARACTERS_MAX: Final = 2_000
#: Kafka takes messages of 1 MB; base64 makes four bytes of three.
ORIGINAL_BYTES_MAX: Final = 600_000


class Verdict(NamedTuple):
    """What to publish, and what it counts as: a kind when accepted, a reason when refused."""

    output: Output
    kind: str | None
    reason: Reason | None = None
    detail: str = ""
    violated: Violated | None = None


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


def refused(
    raw: bytes, sender: Sender, refusal: Refusal, at: datetime, record: Record | None = None
) -> Verdict:
    """The verdict on bytes that are not let in. Its id is derived from what names the call."""
    letter = DeadLetter(
        workspace=sender.workspace,
        event_id=derived_id("dead", "ingest", sender.source, content_of(raw, record).hex()),
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
        at=at,
    )
    output = as_output(letter, key=record.topic if record else sender.source)
    return Verdict(output, None, refusal.reason, refusal.detail, refusal.violated)


def outputs_of(verdicts: Iterable[Verdict]) -> list[Output]:
    """All that is published: each call, and what is not as planned in it."""
    outputs = []
    for verdict in verdicts:
        outputs.append(verdict.output)
        if verdict.violated is not None:
            outputs.append(verdict.violated.output)
    return outputs
