"""Builders for ingest's tests: a door, an API over a publisher that remembers, a small client."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from schemas.dead_letter import DeadLetter, Reason
from schemas.touchpoint import Touchpoint
from services.common.batch import Output
from services.common.health import Readiness
from services.common.workspace_files import load_workspaces
from services.ingest.api import Api
from services.ingest.door import Arrival, Door
from services.ingest.keys import Doors
from services.ingest.letters import Verdict
from services.ingest.live import Live
from services.ingest.publisher import Unavailable

KEY = "demo-write-key"
SALT = "test salt"
NOW = datetime(2026, 3, 4, 5, 6, 7, 800_000, tzinfo=UTC)
WORKSPACES = load_workspaces(Path("deploy/workspace"))
WORKSPACE = WORKSPACES["demo"]


def door() -> Door:
    return Door(WORKSPACE, "web", SALT)


def verdict_on(call: object, **arrival: Any) -> Verdict:
    """What the door says to one call."""
    return door().admit([json.dumps(call).encode()], Arrival(NOW, **arrival))[0]


def accepted(call: object, **arrival: Any) -> Touchpoint:
    """The touchpoint of a call that must be let in."""
    verdict = verdict_on(call, **arrival)
    assert verdict.kind is not None, verdict.detail
    return Touchpoint.model_validate_json(verdict.output.value)


def refused(call: object, **arrival: Any) -> DeadLetter:
    """The dead letter of a call that must be refused."""
    verdict = verdict_on(call, **arrival)
    assert verdict.kind is None, "it was let in"
    return DeadLetter.model_validate_json(verdict.output.value)


def track(event: object = "Wishlist Shared", **more: Any) -> dict[str, Any]:
    return {"type": "track", "messageId": "m-1", "userId": "u-1", "event": event} | more


def order(**properties: Any) -> dict[str, Any]:
    return track("Order Completed", properties={"order_id": "SO-1", "total": 10} | properties)


@dataclass
class FakePublisher:
    """Remembers what was published; `away` makes it refuse like a Kafka that is gone."""

    outputs: list[Output] = field(default_factory=list)
    away: str | None = None

    async def publish(self, outputs: Sequence[Output]) -> None:
        if self.away:
            raise Unavailable(self.away)
        self.outputs.extend(outputs)


@dataclass
class World:
    """An API with its fake Kafka."""

    publisher: FakePublisher = field(default_factory=FakePublisher)
    faults: dict[str, str] = field(default_factory=dict)
    doors: Doors = field(default_factory=lambda: Doors(WORKSPACES, SALT))
    live: Live = field(default_factory=Live)

    def send(
        self, path: str, body: object = b"", *, method: str = "POST", **options: Any
    ) -> httpx.Response:
        """One request; with the demo's write key unless `auth` says otherwise."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        options.setdefault("auth", (KEY, ""))
        return asyncio.run(self._send(method, path, content, options))

    async def _send(
        self, method: str, path: str, content: bytes, options: dict[str, Any]
    ) -> httpx.Response:
        checks = {"Kafka": lambda: self.faults.get("Kafka")}
        api: Any = Api(self.doors, self.publisher, Readiness(checks), self.live)
        transport = httpx.ASGITransport(app=api)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
            return await client.request(method, path, content=content, **options)

    @property
    def touchpoints(self) -> list[Touchpoint]:
        taken = [each for each in self.publisher.outputs if each.topic == "touchpoints.accepted"]
        return [Touchpoint.model_validate_json(each.value) for each in taken]

    @property
    def letters(self) -> list[DeadLetter]:
        taken = [each for each in self.publisher.outputs if each.topic == "dead_letters"]
        return [DeadLetter.model_validate_json(each.value) for each in taken]

    @property
    def reasons(self) -> list[Reason]:
        return [letter.reason for letter in self.letters]


def original(letter: DeadLetter) -> bytes:
    return b64decode(letter.original)
