"""What a connection may cost before its request is read: so many of them, so long, so large."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
from typing import Any, ClassVar, Final

from prometheus_client import Counter, Gauge
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger(__name__)

#: From the first byte that is waited for to the end of the headers.
HEADER_SECONDS_MAX: Final = 10.0
HEADER_BYTES_MAX: Final = 32 * 1024
#: What comes is parsed in such pieces, until a request has to wait for the one before it.
PIECE_BYTES: Final = 4 * 1024
#: Files that the process has open beside its connections.
OTHER_FILES: Final = 256

_PHRASES: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Busy",
}
#: Where it is to be sent again, also by scripts of another site.
_AFTER: Final = {503: (b"retry-after: 1", b"access-control-expose-headers: retry-after")}
_NOTHING: Final = memoryview(b"")


class _Paced(FlowControl):
    """Reads on only while no request waits: the next bytes stay with who sends them."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.transport)
        self._connection = connection

    def resume_reading(self) -> None:
        if not self._connection.reads_no_more():
            super().resume_reading()


class Connection(HttpToolsProtocol):
    """uvicorn's connection, but who says nothing, or too much, is told so and let go.

    Each service derives one of its own, with its metrics.
    """

    open_connections: ClassVar[Gauge]
    closed_connections: ClassVar[Counter]

    #: In one process; set at start from the settings.
    connections_max: ClassVar[int] = 10_000
    header_seconds_max: ClassVar[float] = HEADER_SECONDS_MAX

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._hurry: asyncio.TimerHandle | None = None
        self._waits = True
        self._reads_headers = False
        self._header_bytes = 0
        self._unread = _NOTHING
        self._last_words: bytes | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Paced(self)
        self.open_connections.set(len(self.connections))
        if len(self.connections) > self.connections_max:
            message = f"{self.connections_max} connections are open; send it again later"
            self._let_go("too_many", 503, "unavailable", message)
            return
        self._wait_for_headers()

    def reads_no_more(self) -> bool:
        """Whether a request waits for the one before it, or this is the end."""
        return bool(self.pipeline) or self._last_words is not None

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self._last_words is not None:
            return
        if self._waits and not self._owes_answers():
            self._wait_for_headers()
        self._unread = memoryview(bytes(self._unread) + data) if self._unread else memoryview(data)
        self._parse()

    def on_message_begin(self) -> None:
        self._waits, self._reads_headers, self._header_bytes = True, True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._waits = self._reads_headers = False
        self._stop_hurry()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._waits = True

    def on_response_complete(self) -> None:
        was_last = not self.pipeline
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if was_last and self._last_words is not None:
            self._close()
            return
        self._parse()
        self.flow.resume_reading()
        # who came while others were answered has had no time of its own yet
        if self._reads_headers and not self._owes_answers():
            self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_hurry()
        self._unread = _NOTHING
        super().connection_lost(exc)
        self.open_connections.set(len(self.connections))

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so as everything else is: with a code and a message."""
        self._let_go("malformed", 400, "malformed_http", msg)

    def _parse(self) -> None:
        """As far as the first request that has to wait; the rest when that has begun."""
        while self._unread and not self.reads_no_more() and not self.transport.is_closing():
            piece, self._unread = self._unread[:PIECE_BYTES], self._unread[PIECE_BYTES:]
            # what these began with is the end of a body, perhaps, and one piece is small anyway
            more_headers = self._reads_headers
            super().data_received(piece)  # type: ignore[arg-type]  # any buffer is parsed
            if more_headers and self._reads_headers:
                self._header_bytes += len(piece)
                if self._header_bytes > HEADER_BYTES_MAX and not self.transport.is_closing():
                    message = f"the headers are larger than {HEADER_BYTES_MAX} bytes"
                    self._let_go("large_headers", 431, "headers_too_large", message)

    def _owes_answers(self) -> bool:
        """To requests that have come as a whole."""
        if self.pipeline:
            return True
        newest = self.cycle
        return newest is not None and not newest.more_body and not newest.response_complete

    def _wait_for_headers(self) -> None:
        if self._hurry is None:
            self._hurry = self.loop.call_later(self.header_seconds_max, self._too_slow)

    def _too_slow(self) -> None:
        self._hurry = None
        message = f"no whole headers within {self.header_seconds_max:.0f} s"
        self._let_go("slow", 408, "too_slow", message)

    def _stop_hurry(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None

    def _let_go(self, reason: str, status: int, code: str, message: str) -> None:
        """Say why, and close; what is on its way from there is not read any more.

        Answers are given in the order of their requests, so those before come first.
        """
        self._stop_hurry()
        self.closed_connections.labels(reason).inc()
        self._unread, self._last_words = _NOTHING, _spelled(status, code, message)
        if not self._owes_answers():
            self._close()
            return
        if self.pipeline and self.cycle.more_body:  # it is this one that could not be read
            self.pipeline.popleft()
        self.flow.pause_reading()

    def _close(self) -> None:
        self.transport.write(self._last_words or b"")
        self.transport.close()


def _spelled(status: int, code: str, message: str) -> bytes:
    """The last answer of a connection."""
    body = json.dumps({"code": code, "message": message}).encode()
    lines = [
        f"HTTP/1.1 {status} {_PHRASES[status]}".encode(),
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"connection: close",
        *_AFTER.get(status, ()),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def allow_open_files(wanted: int) -> int:
    """Raise the process's own limit of open files as far as it may; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return wanted if soft == resource.RLIM_INFINITY else soft


def affordable(wanted: int, setting: str) -> int:
    """So many connections as the system lets this process have open; `setting` asked for them."""
    files = allow_open_files(wanted + OTHER_FILES)
    connections = max(1, min(wanted, files - OTHER_FILES))
    if connections < wanted:
        log.warning(
            "at most %d connections (%s: %d): the system allows %d open files; raise it with "
            "`ulimit -Hn`",
            connections,
            setting,
            wanted,
            files,
        )
    return connections
