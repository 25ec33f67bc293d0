"""Sends the replay: to Kafka, by the real Segment SDK, and by raw HTTP what no SDK would send."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
import msgspec
from confluent_kafka import KafkaError
from segment.analytics.client import Client

from schemas.base import JsonObject
from schemas.topics import INBOUND
from services.cli.demo.generate import Send
from services.common import clients
from services.common.settings import Settings

WRITE_KEY: Final = "demo-write-key"
SDK_QUEUE_MAX = 10_000
FLUSH_S_MAX = 60.0


class ReplayFailedError(RuntimeError):
    """Something that was sent got no acknowledgement."""


@dataclass(slots=True)
class Sent:
    """What the senders saw: acknowledged by Kafka, taken by the SDK, answers to raw requests."""

    kafka: int = 0
    sdk: int = 0
    answers: Counter[int] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.kafka + self.sdk + self.answers.total()

    def __add__(self, other: Sent) -> Sent:
        return Sent(self.kafka + other.kafka, self.sdk + other.sdk, self.answers + other.answers)


def replay(
    settings: Settings, http: str, sends: Sequence[Send], advanced: Callable[[int], None]
) -> Sent:
    """Send everything in order; returns when all of it is acknowledged. `advanced`: so many more.

    ReplayFailedError when something is not acknowledged.
    """
    kafka, sdk, raw = KafkaRoad(settings), SdkRoad(http), HttpRoad(http)
    roads: dict[str, KafkaRoad | SdkRoad | HttpRoad] = {"kafka": kafka, "sdk": sdk, "http": raw}
    for number, send in enumerate(sends, start=1):
        roads[send.road].send(send)
        if number % 1_000 == 0:
            advanced(1_000)
    advanced(len(sends) % 1_000)
    for road in roads.values():
        road.finish()
    return Sent(kafka.acknowledged, sdk.taken, raw.answers)


class KafkaRoad:
    """Systems that speak Kafka: Segment-shaped JSON on touchpoints.inbound."""

    def __init__(self, settings: Settings) -> None:
        self._producer = clients.producer(settings)
        self._errors: list[str] = []
        self.acknowledged = 0

    def send(self, send: Send) -> None:
        marks = [("workspace", send.workspace.encode())] if send.workspace else None
        while True:
            try:
                self._producer.produce(
                    INBOUND.name, send.value, headers=marks, on_delivery=self._delivered
                )
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)

    def finish(self) -> None:
        left = self._producer.flush(FLUSH_S_MAX)
        if left or self._errors:
            raise ReplayFailedError(f"Kafka did not acknowledge {left}: {self._errors[:3]}")

    def _delivered(self, error: KafkaError | None, _: Any) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self._errors.append(str(error))


class SdkRoad:
    """A web site with segment-analytics-python in it: batches of 100, compressed."""

    def __init__(self, http: str) -> None:
        self._errors: list[str] = []
        self._client = Client(
            WRITE_KEY, host=http, gzip=True, max_queue_size=SDK_QUEUE_MAX, on_error=self._failed
        )
        self.taken = 0

    def send(self, send: Send) -> None:
        while self._client.queue.full():
            time.sleep(0.01)  # the server sets the pace; nobody else fills the queue meanwhile
        if not call(self._client, msgspec.json.decode(send.value)):
            raise ReplayFailedError("the SDK did not take a message, though its queue had room")
        self.taken += 1

    def finish(self) -> None:
        self._client.shutdown()
        if self._errors:
            raise ReplayFailedError(f"the SDK could not send: {self._errors[:3]}")

    def _failed(self, error: Exception, items: Sequence[object]) -> None:
        self._errors.append(f"{len(items)} messages: {error}")


def call(client: Client, message: JsonObject) -> bool:
    """Call the SDK as a web site would; whether it took the message."""
    common = {
        "context": dict(message.get("context", {})),
        "timestamp": datetime.fromisoformat(message["timestamp"]),
        "message_id": message["messageId"],
    }
    user, device = message.get("userId"), message.get("anonymousId")
    match message["type"]:
        case "identify":
            taken, _ = client.identify(
                user, traits=message["traits"], anonymous_id=device, **common
            )
        case "page":
            taken, _ = client.page(
                user,
                name=message["name"],
                properties=message["properties"],
                anonymous_id=device,
                **common,
            )
        case "alias":
            taken, _ = client.alias(message["previousId"], user, **common)
        case "group":
            taken, _ = client.group(user, message["groupId"], message["traits"], **common)
        case _:
            taken, _ = client.track(
                user,
                message["event"],
                properties=message["properties"],
                anonymous_id=device,
                **common,
            )
    return bool(taken)


class HttpRoad:
    """A sender that puts on the wire what no SDK would: each message in a batch of its own."""

    def __init__(self, http: str) -> None:
        self._client = httpx.Client(
            base_url=http, auth=(WRITE_KEY, ""), timeout=20, trust_env=False
        )
        self.answers: Counter[int] = Counter()

    def send(self, send: Send) -> None:
        answer = self._client.post(
            "/v1/batch",
            content=b'{"batch":[' + send.value + b"]}",
            headers={"content-type": "application/json"},
        )
        self.answers[answer.status_code] += 1

    def finish(self) -> None:
        self._client.close()
