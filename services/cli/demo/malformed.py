"""Messages that must be refused: one builder for each kind of fault, with the reason expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from schemas.base import JsonObject
from schemas.dead_letter import Reason

Road = Literal["kafka", "sdk", "http"]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A refusal that is due: a dead letter with `reason`, and over HTTP the answer `status`.

    The answer is 200 where Segment's is: the message was taken, and stands in quarantine.
    `workspace`: what the Kafka header of this name says, if there is one.
    """

    road: Road
    value: bytes
    reason: Reason
    status: int = 200
    workspace: str = ""


def _message(number: int, **changes: object) -> JsonObject:
    whole: JsonObject = {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"malformed-{number}",
        "userId": f"nobody-{number}",
        "timestamp": "2026-01-02T03:04:05.000Z",
        "properties": {"order_id": f"SO-x{number}", "total": 9.99, "currency": "USD"},
    }
    whole.update(changes)
    return {name: value for name, value in whole.items() if value is not None}


def _bytes(number: int, **changes: object) -> bytes:
    return msgspec.json.encode(_message(number, **changes))


#: What is wrong, and how the message looks then. All of these may come by either road.
FAULTS: tuple[tuple[Reason, Callable[[int], bytes]], ...] = (
    (Reason.NO_IDENTIFIER, lambda n: _bytes(n, userId=None)),
    (Reason.NO_IDENTIFIER, lambda n: _bytes(n, userId="")),
    (Reason.BAD_IDENTIFIER, lambda n: _bytes(n, userId="  ")),
    (Reason.BAD_IDENTIFIER, lambda n: _bytes(n, userId="x" * 10_000)),
    (Reason.NO_EVENT_NAME, lambda n: _bytes(n, event=None)),
    (Reason.UNKNOWN_TYPE, lambda n: _bytes(n, type="teleport")),
    (Reason.BAD_TIME, lambda n: _bytes(n, timestamp="yesterday, after lunch")),
    (Reason.BAD_TIME, lambda n: _bytes(n, timestamp="9999-12-31T23:59:59Z")),
    (Reason.BAD_PROPERTIES, lambda n: _bytes(n, properties={"total": "a lot"})),
    (
        Reason.BAD_PROPERTIES,
        lambda n: _bytes(n, event="Survey Answered", properties={"survey": "nps", "score": 11}),
    ),
)
#: Bytes that are no message at all: over HTTP the whole request would be answered by 400.
BROKEN: tuple[tuple[Reason, Callable[[int], bytes]], ...] = (
    (Reason.MALFORMED_JSON, lambda n: _bytes(n)[:-7]),
    (Reason.MALFORMED_JSON, lambda n: b'{"type":"track","userId":"\xff\xfe %d"}' % n),
    (Reason.NOT_AN_OBJECT, lambda n: b"[1, 2, %d]" % n),
    (Reason.TOO_LARGE, lambda n: _bytes(n, context={"note": "x" * 33_000})),
    (Reason.TOO_DEEP, lambda n: b'{"type":"track","deep":' + b"[" * 1_000 + b"]" * 1_000 + b"}"),
)


def malformed(rounds: int) -> Iterator[Malformed]:
    """Every fault by every road that can carry it, so many times.

    The counts of the broken ones differ, so that two reasons that were mixed up show.
    """
    number = 0
    for repeat in range(rounds):
        for reason, build in FAULTS:
            yield Malformed("kafka", build(number), reason)
            yield Malformed("http", build(number + 1), reason)
            number += 2
        for index, (reason, build) in enumerate(BROKEN):
            if repeat % (index + 1) == 0:
                yield Malformed("kafka", build(number), reason)
                number += 1
        yield Malformed("kafka", _bytes(number), Reason.UNKNOWN_WORKSPACE, workspace="nowhere")
        number += 1
        yield Malformed("http", BROKEN[0][1](number), Reason.MALFORMED_JSON, status=400)
        number += 1
