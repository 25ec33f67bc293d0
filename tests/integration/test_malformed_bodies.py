"""10,000 bodies that nobody should send: each is answered below 500, and none is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.integration.segment_world import Segment, segment
from tests.integration.test_ingest import KEY
from tests.malformed import BATCHES, WAYS, Malformed, Way, malformed

__all__ = ["segment"]

EXAMPLES, BODIES = 100, 100
CONNECTIONS: Final = 50
RSS_GROWS_BYTES_MAX: Final = 150 * 2**20

BODY = st.tuples(st.sampled_from(WAYS), st.integers(0, 2**48))
Answered = tuple[Malformed, int, bytes]


class Senders:
    """Some connections that are kept, and opened again where the server closed one."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._loop = asyncio.new_event_loop()
        self._waiting: list[Malformed] = []
        self._links: list[Any] = [None] * CONNECTIONS

    def send(self, requests: list[Malformed]) -> list[Answered]:
        """The answers, in any order."""
        self._waiting = list(requests)
        return self._loop.run_until_complete(self._all())

    def close(self) -> None:
        self._loop.run_until_complete(self._ended())
        self._loop.close()

    async def _ended(self) -> None:
        for link in filter(None, self._links):
            link[1].close()
            with contextlib.suppress(OSError):
                await link[1].wait_closed()

    async def _all(self) -> list[Answered]:
        found = await asyncio.gather(*(self._one(number) for number in range(CONNECTIONS)))
        return [each for some in found for each in some]

    async def _one(self, number: int) -> list[Answered]:
        found = []
        while self._waiting:
            request = self._waiting.pop()
            if self._links[number] is None:
                address = self._address.hostname, self._address.port
                self._links[number] = await asyncio.open_connection(*address)
            reader, writer = self._links[number]
            writer.write(_written(request))
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            body = await reader.readexactly(int(fields[b"content-length"]))
            found.append((request, int(head.split()[1]), body))
            if fields.get(b"connection") == b"close":
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
                self._links[number] = None
        return found


def _written(request: Malformed) -> bytes:
    fields = {
        "Host": "test",
        "Authorization": "Basic " + b64encode(f"{KEY}:".encode()).decode(),
        "Content-Length": str(len(request.body)),
    } | request.headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {request.path} HTTP/1.1\r\n{lines}\r\n".encode() + request.body


def records_of(request: Malformed, status: int) -> int:
    """How many records there must be of it: one of each event, or one of the whole request."""
    if status == 400:
        return 1
    body = request.body
    while body.startswith(b"\x1f\x8b"):
        body = zlib.decompress(body, 31)
    is_batch = request.path in BATCHES
    if not is_batch and not request.path.startswith(("/batch", "/capture", "/e", "/i")):
        return 1
    value = json.loads(body.decode("utf-8", "replace"), parse_int=str)
    return len(value["batch"]) if is_batch or value.get("batch") is not None else 1


@pytest.fixture
def senders(segment: Segment) -> Iterator[Senders]:
    some = Senders(segment.ingest.url)
    yield some
    some.close()


def test_ten_thousand_malformed_bodies_are_answered_below_500_and_all_kept(
    segment: Segment, senders: Senders, prefix: str
) -> None:
    process = psutil.Process(segment.ingest.process.pid)
    before, rss = segment.log.counts(), process.memory_info().rss
    statuses: Counter[int] = Counter()
    records = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # the number that fails is told; smaller ones are others
    )
    @given(st.lists(BODY, min_size=BODIES, max_size=BODIES))
    def run(made: list[tuple[Way, int]]) -> None:
        nonlocal records
        requests = [malformed(way, number) for way, number in made]
        answers = senders.send(requests)
        assert len(answers) == len(requests)
        for request, status, body in answers:
            assert status in (200, 400), (status, body, request)
            if status == 400:
                assert json.loads(body).keys() == {"code", "message"}
            records += records_of(request, status)
            statuses[status] += 1

    run()
    accepted, letters = (now - then for now, then in zip(segment.log.counts(), before, strict=True))
    assert statuses.total() >= EXAMPLES * BODIES
    assert min(statuses[200], statuses[400]) > 1_000  # both ways are gone
    assert accepted + letters == records
    assert min(accepted, letters) > 1_000
    assert "poison" not in segment.log.reasons("")
    segment.taken("/v1/track", {"messageId": prefix, "userId": "u-1", "event": "Asked"})
    assert segment.log.touchpoint(prefix)["message_id"] == prefix
    assert process.memory_info().rss - rss < RSS_GROWS_BYTES_MAX
