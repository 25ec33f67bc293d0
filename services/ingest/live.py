"""What comes in right now, for whoever debugs a source: sampled, bounded, without values.

Shown are names: of events, of properties, of the kinds of identifiers, of what is wrong and where.
The values stay out, since they are people's. A viewer who is slow misses events, nobody waits.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from schemas.cloudevents import rfc3339
from services.common.health import StreamRefused
from services.common.masking import masked
from services.ingest.letters import Verdict

VIEWERS_MAX: Final = 8
#: Of one viewer: events a second, and events that wait to be written.
EVENTS_PER_S_MAX: Final = 50
WAITING_MAX: Final = 200
#: So often a viewer hears something, if only how many events there were.
BEAT_S: Final = 5.0
STATES: Final = ("accepted", "refused", "suppressed")


class Filter(NamedTuple):
    """What a viewer asked for; empty: everything."""

    source: str = ""
    state: str = ""

    def passes(self, source: str, state: str) -> bool:
        return self.source in ("", source) and self.state in ("", state)


class _Viewer:
    def __init__(self, wanted: Filter) -> None:
        self.wanted = wanted
        self.waiting: queue.Queue[tuple[str, Verdict]] = queue.Queue(WAITING_MAX)
        self.seen = 0
        self._second, self._taken = 0, 0

    def offer(self, source: str, verdicts: Sequence[Verdict]) -> None:
        """Count all that it asked for, take some."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._taken = second, 0
        for verdict in verdicts:
            if not self.wanted.passes(source, _state_of(verdict)):
                continue
            self.seen += 1
            if self._taken < EVENTS_PER_S_MAX and not self.waiting.full():
                self._taken += 1
                self.waiting.put_nowait((source, verdict))


class Live:
    """Hands what was judged to the viewers there are: to nobody, for the price of a look."""

    def __init__(self) -> None:
        self._viewers: tuple[_Viewer, ...] = ()
        self._lock = threading.Lock()

    def show(self, source: str, verdicts: Sequence[Verdict]) -> None:
        """Called for each request, by the event loop and by the stream."""
        for viewer in self._viewers:
            viewer.offer(source, verdicts)

    def stream(self, query: Mapping[str, str]) -> Generator[bytes, None, None]:
        """Server-sent events for one viewer until it goes. StreamRefused: not this one."""
        wanted = _asked(query)
        viewer = _Viewer(wanted)
        with self._lock:
            if len(self._viewers) >= VIEWERS_MAX:
                raise StreamRefused(503, f"{VIEWERS_MAX} viewers are watching; close one of them")
            self._viewers += (viewer,)
        return self._told(viewer)

    def _told(self, viewer: _Viewer) -> Generator[bytes, None, None]:
        shown, beat_at = 0, time.monotonic()
        try:
            yield _event("watching", viewer.wanted._asdict())
            while True:
                for source, verdict in _taken(viewer.waiting, beat_at + BEAT_S):
                    shown += 1
                    state, told = _told_of(source, verdict)
                    yield _event(state, told)
                if time.monotonic() >= beat_at + BEAT_S:
                    yield _event("beat", {"events": viewer.seen, "shown": shown})
                    beat_at = time.monotonic()
        finally:
            with self._lock:
                self._viewers = tuple(one for one in self._viewers if one is not viewer)


def _asked(query: Mapping[str, str]) -> Filter:
    unknown = query.keys() - set(Filter._fields)
    if unknown:
        known = ", ".join(Filter._fields)
        raise StreamRefused(400, f"unknown filter {min(unknown)!r}; there are {known}")
    wanted = Filter(**query)
    if wanted.state not in ("", *STATES):
        raise StreamRefused(400, f"no state {wanted.state!r}; there are {', '.join(STATES)}")
    return wanted


def _taken(
    waiting: queue.Queue[tuple[str, Verdict]], until: float
) -> Iterator[tuple[str, Verdict]]:
    """What waits, or comes until then."""
    while (left := until - time.monotonic()) > 0:
        try:
            yield waiting.get(timeout=left)
        except queue.Empty:
            return


def _state_of(verdict: Verdict) -> str:
    if verdict.suppressed is not None:
        return "suppressed"
    return "refused" if verdict.kind is None else "accepted"


def _told_of(source: str, verdict: Verdict) -> tuple[str, dict[str, Any]]:
    if verdict.suppressed is not None:  # that it was there, and nothing that was in it
        return "suppressed", {"source": source, "at": rfc3339(datetime.now(UTC))}
    value = json.loads(verdict.output.value)
    told = {"source": source, "event_id": value["event_id"], "message_id": value["message_id"]}
    if verdict.kind is None:
        names = ("reason", "field", "at")
        shown = {name: value[name] for name in names} | {"detail": masked(value["detail"])}
        return "refused", told | shown
    properties = value["properties"]
    return "accepted", told | {
        "kind": verdict.kind,
        "name": properties.get("name") if verdict.kind == "custom" else None,
        "at": value["received_at"],
        "occurred_at": value["occurred_at"],
        "identifiers": [one["kind"] for one in value["identifiers"]],
        "properties": sorted(name for name in properties if name != "kind"),
    }


def _event(kind: str, told: Mapping[str, Any]) -> bytes:
    """One event of text/event-stream."""
    return f"event: {kind}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n".encode()
