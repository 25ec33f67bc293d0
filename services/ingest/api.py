"""The Segment-compatible HTTP API, as one ASGI application.

read the body → whose is it → let each call in or refuse it → Kafka has them all → answer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from schemas.dead_letter import Reason
from services.common.failpoints import hit
from services.common.health import Readiness
from services.common.health import answer as health_answer
from services.ingest import answers, metrics, openapi, requests
from services.ingest.answers import Answer
from services.ingest.arrival import Arrival, Unread
from services.ingest.body import Calls, inflated, too_large
from services.ingest.domain.refusal import Refusal
from services.ingest.door import Door
from services.ingest.keys import Doors, Entrance
from services.ingest.letters import Verdict, outputs_of
from services.ingest.live import Live
from services.ingest.paths import ENDPOINTS, Endpoint, path_of
from services.ingest.publisher import Publisher, Unavailable
from services.ingest.requests import Receive, Request, Said, Scope
from services.ingest.turns import Turns

log = logging.getLogger(__name__)

HEALTH_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
#: What is wrong with the request rather than with what it says: 400, where it is a single call.
UNREADABLE: Final = frozenset(
    {Reason.MALFORMED_JSON, Reason.TOO_DEEP, Reason.TOO_LARGE, Reason.NOT_AN_OBJECT}
)
#: Who does not heed Retry-After asks again at once, and each answer takes time from the others.
TURNED_AWAY_AFTER_S: Final = 0.1
#: What Kafka takes until the first request tells.
USUALLY_ACKNOWLEDGED_S: Final = 0.02
#: Of a body that was never read to its end so much is kept.
CUT_KEPT_BYTES: Final = 64 * 1024


class Api:
    """Answers exactly what Segment's SDKs understand: see the facts in the tests' names."""

    def __init__(
        self, doors: Doors, publisher: Publisher, readiness: Readiness, live: Live
    ) -> None:
        self._doors = doors
        self._publisher = publisher
        self._readiness = readiness
        self._live = live
        self._turns = Turns()
        #: What Kafka took for the last request.
        self._acknowledged_s = USUALLY_ACKNOWLEDGED_S

    async def __call__(self, scope: Scope, receive: Receive, send: answers.Send) -> None:
        said = requests.said_in(scope)
        request_id = requests.request_id_of(said)
        result = await self._answer(scope, receive, said, request_id)
        await answers.send(result, send, request_id)

    async def _answer(
        self, scope: Scope, receive: Receive, said: Said, request_id: bytes
    ) -> Answer:
        path: str = scope["path"]
        endpoint = ENDPOINTS.get(path.rstrip("/"))
        match scope["method"]:
            case "POST" if endpoint is not None:
                return await self._take(endpoint, said, receive, request_id)
            case "OPTIONS":
                return answers.PREFLIGHT
            case "GET" if path in HEALTH_PATHS:
                return await self._health(path)
            case "GET" if path == "/openapi.json":
                return Answer(200, openapi.document())
            case "GET" if (key := _asked_for(path)) is not None:
                return answers.settings_of(key)
        if endpoint is not None:
            return answers.error(405, "method_not_allowed", "calls are sent with POST")
        return answers.error(404, "not_found", "no such path; calls go to /v1/batch, /v1/track...")

    async def _health(self, path: str) -> Answer:
        loop = asyncio.get_running_loop()
        status, kind, body = await loop.run_in_executor(None, health_answer, path, self._readiness)
        return Answer(status, body, (), kind.encode())

    async def _take(
        self, endpoint: Endpoint, said: Said, receive: Receive, request_id: bytes
    ) -> Answer:
        started = time.perf_counter()
        request = await requests.read(said, receive)
        if request is None:
            return answers.error(400, "incomplete", "the request ended before its body did")
        try:
            result = await self._taken(endpoint, request, request_id.decode())
        except Unavailable as error:
            result = answers.unavailable(error)
        except Exception:
            log.exception(
                "request %s: our own mistake; it is to be sent again", request_id.decode()
            )
            result = answers.error(500, "internal", "this is our mistake; send it again later")
        metrics.REQUEST_SECONDS.observe(time.perf_counter() - started)
        metrics.answers(result.status).inc()
        return result

    async def _taken(self, endpoint: Endpoint, request: Request, request_id: str) -> Answer:
        arrival = partial(
            Arrival,
            datetime.now(UTC),
            endpoint.call_type,
            translate=endpoint.translate,
            request_id=request_id,
        )
        if fault := self._doors.listed.fault:  # who must not get in is not known yet
            raise Unavailable(fault)
        entrance = self._doors.opened_by(request.write_key)
        if entrance and (away := await _turned_away(entrance, request)):
            return away
        calls = _calls(endpoint, request)
        if isinstance(calls, Refusal):
            kept = Unread(calls, arrival(), path_of(endpoint))
            return await self._unreadable(kept, request, entrance)
        if entrance is None:  # the key may be in the body
            entrance = self._doors.opened_by(calls.write_key)
            if entrance is None:
                return _unauthorised()
            if away := await _turned_away(entrance, request):
                return away
        entrance.spend(len(calls.raws))
        await self._turns.turn(entrance.door.sender, len(calls.raws))
        came = arrival(sent_at=calls.sent_at, context=calls.context, shallow=True)
        verdicts = entrance.door.admit([bytes(raw) for raw in calls.raws], came)
        await self._publish(verdicts, entrance.door)
        metrics.BATCH_EVENTS.observe(len(verdicts))
        if endpoint.one and verdicts[0].reason in UNREADABLE:
            return _bad_request(verdicts[0].reason, verdicts[0].detail)
        return endpoint.ok

    async def _unreadable(
        self, unread: Unread, request: Request, entrance: Entrance | None
    ) -> Answer:
        """The answer to a request that can not be read; it is kept when its key is known."""
        if entrance is not None:
            entrance.spend(1)
            kept = request.body[:CUT_KEPT_BYTES] if request.cut else request.body
            door = entrance.door
            await self._publish([door.refuse_request(kept, unread, cut=request.cut)], door)
        elif request.write_key is not None:
            return _unauthorised()
        else:
            metrics.REFUSED.labels(unread.refusal.reason.value, "").inc()
        closing = ((b"connection", b"close"),) if request.cut else ()
        return _bad_request(unread.refusal.reason, unread.refusal.detail, closing)

    async def _publish(self, verdicts: Sequence[Verdict], door: Door) -> None:
        outputs, began = outputs_of(verdicts), time.perf_counter()
        await self._publisher.publish(outputs)
        if outputs:
            self._acknowledged_s = time.perf_counter() - began
        elif verdicts:  # nobody shall tell by the clock who is suppressed
            await asyncio.sleep(self._acknowledged_s)
        hit("ingest_before_ack")
        count(verdicts, door.sender.source)
        self._live.show(door.sender.source, verdicts)


def count(verdicts: Sequence[Verdict], source: str) -> None:
    """Count what Kafka acknowledged, and what was suppressed."""
    counted = Counter([(each.suppressed, each.kind, each.reason) for each in verdicts])
    for (workspace, kind, reason), events in counted.items():
        if workspace is not None:
            metrics.SUPPRESSED.labels(workspace, source).inc(events)
        elif kind is not None:
            metrics.accepted(kind, source).inc(events)
        elif reason is not None:
            metrics.REFUSED.labels(reason.value, source).inc(events)
    for each in verdicts:
        if each.violated is not None:
            metrics.VIOLATIONS.labels(source, each.violated.event, each.violated.mode).inc()


def _calls(endpoint: Endpoint, request: Request) -> Calls | Refusal:
    if request.cut:
        return too_large()
    plain = inflated(request.body)
    if isinstance(plain, Refusal):
        return plain
    return endpoint.read(plain)


def _asked_for(path: str) -> str | None:
    """The write key whose settings analytics.js asks for."""
    before, after = "/v1/projects/", "/settings"
    path = path.rstrip("/")
    if not (path.startswith(before) and path.endswith(after)):
        return None
    return path[len(before) : -len(after)]


async def _turned_away(entrance: Entrance, request: Request) -> Answer | None:
    answer = entrance.turned_away(request.origin)
    if answer is None:
        return None
    reason = "forbidden_origin"
    if answer.status == 429:  # a 403 is final: nobody asks again, so nobody is held up
        reason = "rate_limited"
        await asyncio.sleep(TURNED_AWAY_AFTER_S)
    metrics.REFUSED.labels(reason, entrance.source.name).inc()
    return answer


def _bad_request(reason: Reason | None, detail: str, headers: answers.Headers = ()) -> Answer:
    return answers.error(400, str(reason), detail[:500], headers)


def _unauthorised() -> Answer:
    metrics.REFUSED.labels("unknown_write_key", "").inc()
    return answers.error(401, "unauthorized", "the write key is unknown, missing or switched off")
