"""Who says nothing, too slowly or too much, over real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvicorn
from prometheus_client import REGISTRY

from services.common.connections import HEADER_BYTES_MAX
from services.ingest import answers
from services.ingest.app import IngestConnection as Connection
from tests.waiting import until

REQUEST = b"POST /v1/track HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"


class Hasty(Connection):
    header_seconds_max = 0.3
    connections_max = 20


async def _ok(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await answers.send(answers.OK, send)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        _ok, http=Hasty, ws="none", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    until(lambda: server.started)
    yield bound.getsockname()[1]
    server.should_exit = True
    thread.join()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        yield one


def answer(one: socket.socket) -> tuple[int, dict[str, Any]]:
    """Status and body of one answer."""
    reader = one.makefile("rb")
    status = int(reader.readline().split()[1])
    length = 0
    while (line := reader.readline().strip()) != b"":
        name, _, value = line.partition(b": ")
        length = int(value) if name == b"content-length" else length
    return status, json.loads(reader.read(length))


def is_closed(one: socket.socket) -> bool:
    try:
        return one.recv(1) == b""
    except ConnectionResetError:
        return True


def let_go(reason: str) -> float:
    name, labels = "rapport_ingest_connections_closed_total", {"reason": reason}
    return REGISTRY.get_sample_value(name, labels) or 0.0


def nothing(_one: socket.socket) -> None:
    """Not a byte."""


def half_a_header(one: socket.socket) -> None:
    one.sendall(b"POST /v1/track HTTP/1.1\r\nhost: ")


def empty_lines_after_a_request(one: socket.socket) -> None:
    one.sendall(REQUEST)
    assert answer(one)[0] == 200
    one.sendall(b"\r\n")


@pytest.mark.parametrize("says", [nothing, half_a_header, empty_lines_after_a_request])
def test_who_does_not_come_to_the_point_is_let_go(
    port: int, says: Callable[[socket.socket], None]
) -> None:
    before = let_go("slow")
    with connected(port) as one:
        says(one)
        status, body = answer(one)
        assert (status, body["code"]) == (408, "too_slow")
        assert is_closed(one)
    assert let_go("slow") == before + 1


def test_endless_headers_are_not_read(port: int) -> None:
    with connected(port) as one:
        one.sendall(b"POST /v1/track HTTP/1.1\r\n")
        time.sleep(0.1)  # one read takes no more than there is
        one.sendall(
            b"".join(b"x-%d: %b\r\n" % (n, b"x" * 90) for n in range(HEADER_BYTES_MAX // 90))
        )
        status, body = answer(one)
        assert (status, body["code"]) == (431, "headers_too_large")


def test_a_large_body_is_no_large_header(port: int) -> None:
    body = b"{" + b" " * 400_000 + b"}"
    with connected(port) as one:
        for _ in range(3):
            one.sendall(REQUEST.replace(b": 2\r\n\r\n{}", b": %d\r\n\r\n%b" % (len(body), body)))
            assert answer(one)[0] == 200


def test_requests_that_come_to_the_point_are_answered_one_after_the_other(port: int) -> None:
    with connected(port) as one:
        for _ in range(3):
            one.sendall(REQUEST)
            assert answer(one) == (200, {"success": True})
            threading.Event().wait(Hasty.header_seconds_max + 0.1)  # idle is no sin


def test_a_connection_too_many_is_told_so_and_the_others_stay(port: int) -> None:
    with ExitStack() as stack:
        many = [stack.enter_context(connected(port)) for _ in range(Hasty.connections_max)]
        for one in many:
            one.sendall(REQUEST)
        assert [answer(one)[0] for one in many] == [200] * len(many)
        with connected(port) as another:
            status, body = answer(another)
            assert (status, body["code"]) == (503, "unavailable")
        many[0].sendall(REQUEST)
        assert answer(many[0])[0] == 200
    until(lambda: _answered(port) == 200, "room again")


def _answered(port: int) -> int:
    with connected(port) as one:
        one.sendall(REQUEST)
        return answer(one)[0]
