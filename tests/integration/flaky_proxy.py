"""A proxy in front of ingest whose first answers are not ingest's."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import httpx

#: Instead of an answer: close the connection, before ingest has seen the request or after.
Cut = Literal["cut before", "cut after"]
Fault = int | Cut
#: A browser shows its page an answer of another origin only with this.
CORS = {"access-control-allow-origin": "*"}


class FlakyProxy:
    """Gives each fault once, in order; for None and from then on what ingest answers. Keeps the
    statuses."""

    def __init__(self, target: str, faults: list[Fault | None]) -> None:
        self.target = target
        self.answered: list[Fault] = []
        self._faults = list(faults)
        self._lock = threading.Lock()

    def next_fault(self) -> Fault | None:
        with self._lock:
            return self._faults.pop(0) if self._faults else None

    def note(self, answer: Fault) -> None:
        with self._lock:
            self.answered.append(answer)


def _handler(proxy: FlakyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            fault = proxy.next_fault()
            if isinstance(fault, int):
                self._answer(fault, b'{"code":"fault","message":"of the test"}')
                return
            if fault == "cut before":
                self._cut(fault)
                return
            found = self._forwarded(body)
            if fault == "cut after":
                self._cut(fault)
            else:
                self._answer(found.status_code, found.content, found.headers)

        def do_GET(self) -> None:
            self._pass_on()

        def do_OPTIONS(self) -> None:
            self._pass_on()

        def _pass_on(self) -> None:
            """What browsers ask before they send: nothing fails here, and it is not counted."""
            found = self._forwarded(b"")
            self._send(found.status_code, found.content, found.headers)

        def _forwarded(self, body: bytes) -> httpx.Response:
            skipped = {"host", "content-length", "connection"}
            headers = {k: v for k, v in self.headers.items() if k.lower() not in skipped}
            url = proxy.target + self.path
            return httpx.request(self.command, url, content=body, headers=headers, timeout=30)

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str] = CORS) -> None:
            proxy.note(status)
            self._send(status, body, headers)

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            for name, value in headers.items():
                if name.lower().startswith("access-control-"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            if status in (429, 503):
                self.send_header("retry-after", "1")
            self.end_headers()
            self.wfile.write(body)

        def _cut(self, fault: Cut) -> None:
            proxy.note(fault)
            self.close_connection = True
            self.connection.close()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a proxy of a test."""

    return Handler


@contextmanager
def flaky(target: str, *faults: Fault | None) -> Iterator[tuple[FlakyProxy, str]]:
    """The proxy and its address."""
    proxy = FlakyProxy(target, list(faults))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
