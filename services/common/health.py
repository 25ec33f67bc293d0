"""/healthz (the process), /readyz (its engines) and /metrics, served by threads of their own.

A service may add streams of server-sent events; who reads one has its own thread.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Generator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.common.settings import Settings

Check = Callable[[], str | None]
#: (the query's parameters) -> text/event-stream, until the reader goes. StreamRefused: not now.
Stream = Callable[[Mapping[str, str]], Generator[bytes, None, None]]
CHECKED_AGAIN_AFTER_S = 1.0


class StreamRefused(Exception):  # noqa: N818 - an answer
    """Why a stream is not opened, with the status to answer."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Readiness:
    """Asks each engine at most once a second, however often /readyz is called."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._asked_at = -CHECKED_AGAIN_AFTER_S
        self._faults: dict[str, str] = {}

    def faults(self) -> dict[str, str]:
        """Engine -> why it can not be used; empty when ready."""
        with self._lock:
            if time.monotonic() - self._asked_at >= CHECKED_AGAIN_AFTER_S:
                asked = {name: check() for name, check in self._checks.items()}
                self._faults = {name: fault for name, fault in asked.items() if fault}
                self._asked_at = time.monotonic()
            return self._faults


def answer(path: str, readiness: Readiness) -> tuple[int, str, bytes]:
    """(status, content type, body) of one health request."""
    if path == "/healthz":
        return 200, "application/json", b'{"status":"ok"}'
    if path == "/metrics":
        return 200, CONTENT_TYPE_LATEST, generate_latest()
    if path == "/readyz":
        faults = readiness.faults()
        body = {"status": "unavailable" if faults else "ok", "faults": faults}
        return (503 if faults else 200), "application/json", json.dumps(body).encode()
    return 404, "application/json", b'{"code":"not_found","message":"no such path"}'


class HealthServer:
    """Serves on settings.health_host:health_port (0: any free port, see `port`)."""

    def __init__(
        self,
        settings: Settings,
        checks: Mapping[str, Check],
        streams: Mapping[str, Stream] | None = None,
    ) -> None:
        readiness = Readiness(checks)
        opened = streams or {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                if path in opened:
                    self._stream(opened[path], dict(parse_qsl(query)))
                else:
                    self._answer(*answer(path, readiness))

            def _answer(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self, stream: Stream, query: Mapping[str, str]) -> None:
                try:
                    chunks = stream(query)
                except StreamRefused as refused:
                    body = {"code": "refused", "message": str(refused)}
                    self._answer(refused.status, "application/json", json.dumps(body).encode())
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                with contextlib.suppress(ConnectionError), contextlib.closing(chunks):
                    for chunk in chunks:
                        self.wfile.write(chunk)

            def log_message(self, format: str, *args: object) -> None:
                """Health checks are not news."""

        self._server = ThreadingHTTPServer((settings.health_host, settings.health_port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health")
        self._thread.daemon = True

    def start(self) -> HealthServer:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
