"""/healthz (the process), /readyz (its engines) and /metrics, served by a thread of their own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.common.settings import Settings

Check = Callable[[], str | None]
CHECKED_AGAIN_AFTER_S = 1.0


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

    def __init__(self, settings: Settings, checks: Mapping[str, Check]) -> None:
        readiness = Readiness(checks)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, content_type, body = answer(self.path.partition("?")[0], readiness)
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

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
