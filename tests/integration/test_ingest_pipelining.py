"""Who does not wait for an answer before the next request, over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, ClassVar

import pytest
import uvicorn
import uvloop

from services.common.connections import HEADER_BYTES_MAX, PIECE_BYTES
from services.ingest import answers
from services.ingest.app import IngestConnection as Connection
from tests.integration.test_ingest_connections import is_closed, let_go
from tests.waiting import until

SMALL = b"POST /%d HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"
HALF = b"POST /late HTTP/1.1\r\nhost: "
CHUNKS = b"POST /chunks HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
SHORTEST = b"GET / HTTP/1.1\r\n\r\n"
#: What the event loop may take from a socket at once.
ONE_READ_BYTES = 256 * 1024
LARGE_BYTES = 400 * 1024


class Hasty(Connection):
    header_seconds_max = 0.3


class Slow:
    """Reads a request, and answers it with its path and size when the test says so."""

    opened: ClassVar[asyncio.Event]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        await self.opened.wait()
        body = b'{"path":"%b","bytes":%d}' % (scope["raw_path"], size)
        await answers.send(answers.Answer(200, body), send)


class World:
    """A server whose application answers nobody before `open`."""

    def __init__(self) -> None:
        self.bound = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.bound.getsockname()[1]
        self._app = Slow()
        config = uvicorn.Config(
            self._app, http=Hasty, ws="none", lifespan="off", log_config=None, access_log=False
        )
        self.server = uvicorn.Server(config)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread = threading.Thread(target=lambda: uvloop.run(self._serve()))
        self.thread.start()
        until(lambda: self.server.started)

    async def _serve(self) -> None:
        self.loop, Slow.opened = asyncio.get_running_loop(), asyncio.Event()
        await self.server.serve(sockets=[self.bound])

    def open(self) -> None:
        assert self.loop is not None
        self.loop.call_soon_threadsafe(Slow.opened.set)

    def connection(self) -> Hasty:
        """The only one there is."""
        open_ones = self.server.server_state.connections
        until(lambda: len(open_ones) == 1, "one connection")
        [one] = open_ones
        assert isinstance(one, Hasty)
        return one


@pytest.fixture
def world() -> Iterator[World]:
    one = World()
    yield one
    one.open()
    one.server.should_exit = one.server.force_exit = True
    one.thread.join()


@contextmanager
def client(world: World) -> Iterator[tuple[socket.socket, BinaryIO]]:
    """A connection, and what it is answered."""
    with (
        socket.create_connection(("127.0.0.1", world.port), timeout=20) as one,
        one.makefile("rb") as reader,
    ):
        yield one, reader


@contextmanager
def flooding(world: World, sent: bytes) -> Iterator[BinaryIO]:
    """Sends it all, as far as it is taken, until this ends."""
    with client(world) as (one, reader):
        flood = threading.Thread(target=_sent_as_far_as_taken, args=(one, sent))
        flood.start()
        try:
            yield reader
        finally:
            one.shutdown(socket.SHUT_RDWR)
            flood.join()


def _sent_as_far_as_taken(one: socket.socket, sent: bytes) -> None:
    with suppress(OSError):
        one.sendall(sent)


def answer(reader: BinaryIO) -> tuple[int, dict[str, Any]]:
    """Status and body of the next answer."""
    status, length = int(reader.readline().split()[1]), 0
    while (line := reader.readline()) != b"\r\n":
        if line.startswith(b"content-length: "):
            length = int(line.split()[1])
    return status, json.loads(reader.read(length))


def held(connection: Connection) -> tuple[int, int]:
    """Requests that wait in this process, and the bytes that it keeps of them."""
    cycles = [cycle for cycle, _ in list(connection.pipeline)]
    return len(cycles), sum(len(cycle.body) for cycle in cycles) + len(connection._unread)


def test_of_many_requests_few_wait_and_all_are_answered_in_their_order(world: World) -> None:
    """The rest stays with who sends it."""
    many = 8_000
    with flooding(world, b"".join(SMALL % number for number in range(many))) as reader:
        until(lambda: world.connection().flow.read_paused, "the reading to pause")
        requests, size = held(world.connection())
        assert 0 < requests <= PIECE_BYTES // len(SMALL)
        assert size <= ONE_READ_BYTES
        world.open()
        for number in range(many):
            assert answer(reader) == (200, {"path": f"/{number}", "bytes": 2})


def test_the_shortest_requests_are_no_way_around_it(world: World) -> None:
    with flooding(world, SHORTEST * 20_000):
        until(lambda: world.connection().flow.read_paused, "the reading to pause")
        assert 0 < held(world.connection())[0] <= PIECE_BYTES // len(SHORTEST) + 1


def test_large_requests_wait_at_their_senders(world: World) -> None:
    """However many small ones stand before them: each of those once let another part in."""
    head = b"POST /large HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % LARGE_BYTES
    few, many = 20, 100
    small = b"".join(SMALL % number for number in range(many))
    with flooding(world, small + (head + b"x" * LARGE_BYTES) * few) as reader:
        until(lambda: world.connection().flow.read_paused, "the reading to pause")
        assert held(world.connection())[1] <= ONE_READ_BYTES
        world.open()
        most = 0
        for number in range(many):
            assert answer(reader) == (200, {"path": f"/{number}", "bytes": 2})
            most = max(most, held(world.connection())[1])
        for _ in range(few):
            assert answer(reader) == (200, {"path": "/large", "bytes": LARGE_BYTES})
            most = max(most, held(world.connection())[1])
        assert most <= ONE_READ_BYTES


def test_half_a_request_behind_a_slow_one_has_the_time_of_its_own(world: World) -> None:
    with client(world) as (one, reader):
        one.sendall(SMALL % 1 + HALF)
        until(lambda: world.connection().cycle is not None, "the first request")
        for rest in (b"x\r\n", b"y: z\r\n"):
            threading.Event().wait(Hasty.header_seconds_max + 0.1)
            one.sendall(rest)
        world.open()
        assert answer(reader) == (200, {"path": "/1", "bytes": 2})
        one.sendall(b"content-length: 2\r\n\r\n{}")
        assert answer(reader) == (200, {"path": "/late", "bytes": 2})


def test_it_is_told_that_it_is_too_slow_after_the_answer_before_it(world: World) -> None:
    before = let_go("slow")
    with client(world) as (one, reader):
        one.sendall(SMALL % 1 + HALF)
        world.open()
        assert answer(reader)[0] == 200
        status, body = answer(reader)
        assert (status, body["code"]) == (408, "too_slow")
        assert is_closed(one)
    assert let_go("slow") == before + 1


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        (b"no HTTP\r\n\r\n", 400, "malformed_http"),
        (CHUNKS + b"X", 400, "malformed_http"),
        (
            b"GET / HTTP/1.1\r\nx: " + b"x" * (HEADER_BYTES_MAX + PIECE_BYTES),
            431,
            "headers_too_large",
        ),
    ],
    ids=["no HTTP", "a broken body", "large headers"],
)
@pytest.mark.parametrize("before", [1, 3])
def test_what_is_wrong_is_told_behind_the_answers_to_what_was_not(
    world: World, before: int, wrong: bytes, status: int, code: str
) -> None:
    """Told at once, it would be taken for the answer to the first."""
    with client(world) as (one, reader):
        one.sendall(b"".join(SMALL % number for number in range(before)) + wrong)
        world.open()
        for number in range(before):
            assert answer(reader) == (200, {"path": f"/{number}", "bytes": 2})
        found, body = answer(reader)
        assert (found, body["code"]) == (status, code)
        assert is_closed(one)


def test_a_body_that_is_no_http_is_told_at_once(world: World) -> None:
    """Nobody waits for the answer to a request that can not end."""
    with client(world) as (one, reader):
        one.sendall(CHUNKS + b"X")
        assert answer(reader)[0] == 400
        assert is_closed(one)
