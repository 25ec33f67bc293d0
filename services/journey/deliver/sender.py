"""One attempt to deliver one webhook over HTTP, without being led astray (SSRF)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from services.journey.deliver.domain.addresses import why_refused
from services.journey.deliver.domain.schedule import retry_after_ms
from services.journey.deliver.domain.signing import signed_headers
from services.journey.deliver.endpoints import Target

#: An answer's body is of no use; so much is read to keep the connection, then it is closed.
ANSWER_BYTES_MAX: Final = 16_384
RESOLVER_THREADS = 2


class AddressRefused(OSError):  # noqa: N818 - it is the remote's state, not our error
    """The endpoint's name leads to an address that webhooks do not go to."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it: a status, or else an error. Only 2xx is a success."""

    status: int | None
    error: str
    retry_after_ms: int
    took_ms: int

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == 410

    @property
    def why(self) -> str:
        """For the log and for people."""
        return self.error or f"status {self.status}"


class CheckedResolver(AbstractResolver):
    """Resolves a name once an attempt, and fails if any of its addresses is not global.

    aiohttp connects to exactly the addresses returned here and keeps the name for Host and SNI,
    so a second look-up can not give another answer. Threads of its own: look-ups that hang for
    one endpoint do not hold up another.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        )
        results = [_result(host, entry) for entry in found]
        for result in results:
            if why := why_refused(result["host"]):
                raise AddressRefused(why)
        return results

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def checked_socket(address: tuple[Any, ...]) -> socket.socket:
    """The last gate: every connection passes here, whether its host was a name or an address."""
    family, kind, protocol, _, where = address
    if why := why_refused(str(where[0])):
        raise AddressRefused(why)
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made


class Sender:
    """Sends to one endpoint. It has connections of its own: no endpoint waits for another's."""

    def __init__(self, target: Target, *, timeout_s: float, allow_private: bool) -> None:
        gates: dict[str, Any] = {}
        if not allow_private:
            gates = {"resolver": CheckedResolver(), "socket_factory": checked_socket}
        connector = aiohttp.TCPConnector(
            limit=0, use_dns_cache=False, ssl=ssl.create_default_context(), **gates
        )
        self._resolver: CheckedResolver | None = gates.get("resolver")
        self._target = target
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "rapport-webhooks/1", "Content-Type": "application/json"},
        )

    async def send(self, message_id: str, body: bytes) -> Attempt:
        """Try once. Never raises for what the receiver or the network does."""
        started = time.monotonic()
        now = datetime.now(UTC)
        headers = signed_headers(self._target.secrets, message_id, int(now.timestamp()), body)
        status, error, wait_ms = None, "", 0
        try:
            async with self._session.post(
                self._target.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
                wait_ms = retry_after_ms(answer.headers.get("Retry-After"), now)
                await _drain(answer)
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            # what breaks after the status came in does not change what the receiver said
            error = "" if status is not None else _described(fault)
        return Attempt(status, error, wait_ms, int((time.monotonic() - started) * 1_000))

    async def close(self) -> None:
        await self._session.close()
        if self._resolver is not None:
            await self._resolver.close()


async def _drain(answer: aiohttp.ClientResponse) -> None:
    """Read a little, so that the connection can be used again; close it when there is more."""
    left = ANSWER_BYTES_MAX
    while left > 0:
        chunk = await answer.content.read(left)
        if not chunk:
            return
        left -= len(chunk)
    answer.close()


def _described(fault: BaseException) -> str:
    """The kind of fault and its text, without the URL (it may hold a secret)."""
    if isinstance(fault, TimeoutError):
        return "no answer in time"
    cause: BaseException = fault
    if isinstance(fault, aiohttp.ClientConnectorError):
        cause = fault.os_error
    if isinstance(cause, aiohttp.InvalidURL | aiohttp.ClientResponseError):
        return type(cause).__name__
    return f"{type(cause).__name__}: {cause}"[:300]


def _result(host: str, entry: tuple[Any, ...]) -> ResolveResult:
    family, _, protocol, _, where = entry
    return ResolveResult(
        hostname=host,
        host=str(where[0]),
        port=int(where[1]),
        family=family,
        proto=protocol,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
