"""A webhook receiver for the demo and for tests: verifies, remembers, and misbehaves when told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

BODY_BYTES_MAX = 1_000_000
SECRET_ENV = "RAPPORT_DEMO_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Manners:
    """How it answers: the first `fail_first` with `fail_status`, then `status`, `slow_s` late."""

    status: int = 204
    fail_first: int = 0
    fail_status: int = 500
    retry_after: str = ""
    slow_s: float = 0.0
    location: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """One request: its webhook-id, its type, whether the signature held, what was answered."""

    id: str
    type: str
    verified: bool
    status: int


class Receiver:
    """Keeps everything in memory and, with `store`, in a file of JSON lines too."""

    def __init__(
        self, secrets: Sequence[str], manners: Manners = Manners(), store: Path | None = None
    ) -> None:
        self._keys = [Webhook(secret) for secret in secrets]
        self._manners = manners
        self._store: IO[str] | None = store.open("a", encoding="utf-8") if store else None
        self.received: list[Received] = []
        self.bodies: dict[str, Any] = {}

    def application(self) -> web.Application:
        """POST anywhere is a webhook; GET /counts and /received tell what came."""
        application = web.Application(client_max_size=BODY_BYTES_MAX)
        application.router.add_get("/counts", self._counts)
        application.router.add_get("/received", self._received)
        application.router.add_post("/{path:.*}", self._webhook)
        return application

    def counts(self) -> dict[str, Any]:
        """`accepted`: distinct ids that were verified and answered with 2xx."""
        accepted = {one.id: one.type for one in self.received if _accepted(one)}
        return {
            "requests": len(self.received),
            "verified": sum(one.verified for one in self.received),
            "unverified": sum(not one.verified for one in self.received),
            "distinct": len({one.id for one in self.received}),
            "accepted": len(accepted),
            "by_type": dict(sorted(Counter(accepted.values()).items())),
        }

    def close(self) -> None:
        if self._store:
            self._store.close()

    async def _webhook(self, request: web.Request) -> web.Response:
        body = await request.read()
        verified, content = self._verified(body, dict(request.headers))
        if self._manners.slow_s:
            await asyncio.sleep(self._manners.slow_s)
        answer = self._answer() if verified else web.Response(status=401)
        id = request.headers.get("webhook-id", "")
        self._remember(Received(id, str(content.get("type", "")), verified, answer.status))
        self.bodies[id] = content
        return answer

    def _answer(self) -> web.Response:
        manners = self._manners
        failing = len(self.received) < manners.fail_first
        headers = {"Retry-After": manners.retry_after} if manners.retry_after else {}
        headers |= {"Location": manners.location} if manners.location else {}
        return web.Response(
            status=manners.fail_status if failing else manners.status, headers=headers
        )

    def _verified(self, body: bytes, headers: dict[str, str]) -> tuple[bool, dict[str, Any]]:
        for key in self._keys:
            try:
                return True, key.verify(body, headers)
            except (WebhookVerificationError, ValueError):
                continue
        return False, {}

    def _remember(self, one: Received) -> None:
        self.received.append(one)
        if self._store:
            self._store.write(json.dumps(asdict(one)) + "\n")
            self._store.flush()

    async def _counts(self, _: web.Request) -> web.Response:
        return web.json_response(self.counts())

    async def _received(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(one) for one in self.received])


def _accepted(one: Received) -> bool:
    return one.verified and 200 <= one.status < 300


class RunningReceiver:
    """A receiver on 127.0.0.1; `port` 0 takes any free one, see `url`."""

    def __init__(self, receiver: Receiver, port: int = 0) -> None:
        self.receiver = receiver
        self._port = port
        self._runner = web.AppRunner(receiver.application(), access_log=None, shutdown_timeout=1.0)

    async def __aenter__(self) -> RunningReceiver:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        self.receiver.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"


async def _serve(receiver: Receiver, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with RunningReceiver(receiver, port) as running:
        sys.stdout.write(json.dumps({"url": running.url}) + "\n")
        sys.stdout.flush()
        await stop.wait()
    sys.stdout.write(json.dumps(receiver.counts()) + "\n")


def main(
    port: Annotated[int, typer.Option(help="0: any free one; the first line tells it")] = 0,
    secret_env: Annotated[str, typer.Option(help="variable that holds whsec_...")] = SECRET_ENV,
    store: Annotated[Path | None, typer.Option(help="file of JSON lines")] = None,
    status: Annotated[int, typer.Option(help="what it answers")] = 204,
    fail_first: Annotated[int, typer.Option(help="so many requests get 500 first")] = 0,
    slow_s: Annotated[float, typer.Option(help="seconds before it answers")] = 0.0,
) -> None:
    """Receive webhooks and verify each with the package standardwebhooks."""
    secrets = os.environ.get(secret_env, "").split()
    if not secrets:
        raise typer.BadParameter(f"the environment variable {secret_env} is not set")
    manners = Manners(status=status, fail_first=fail_first, slow_s=slow_s)
    asyncio.run(_serve(Receiver(secrets, manners, store), port))


if __name__ == "__main__":
    typer.run(main)
