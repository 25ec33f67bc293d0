"""An answer is given when Kafka has every record of the request, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from services.common import clients
from services.common.batch import Output
from services.common.run import Stop
from services.common.settings import Settings
from services.ingest import publisher
from services.ingest.link import Link
from services.ingest.publisher import KafkaPublisher, Unavailable

Report = Callable[[object, object], None]


class FakeProducer:
    """Keeps records until a test says what became of them."""

    def __init__(self, room: int = 1_000) -> None:
        self.room = room
        self.under_way: list[Report] = []
        self.reports: list[tuple[Report, object]] = []

    def __len__(self) -> int:
        return len(self.under_way)

    def produce(self, _topic: str, _value: bytes, _key: bytes, **more: Any) -> None:
        assert ("ce_id", b"1") in more["headers"]
        if len(self.under_way) == self.room:
            raise BufferError
        self.under_way.append(more["on_delivery"])

    def report(self, error: object = None) -> None:
        self.reports.append((self.under_way.pop(0), error))

    def poll(self, _seconds: float) -> None:
        reports, self.reports = self.reports, []
        for report, error in reports:
            report(error, None)


def outputs(count: int) -> list[Output]:
    return [Output("touchpoints.accepted", b"k", b"v", event_id=b"1")] * count


async def started(kafka: KafkaPublisher, count: int) -> asyncio.Task[None]:
    task = asyncio.create_task(kafka.publish(outputs(count)))
    await asyncio.sleep(0)
    return task


def run(claim: Callable[[KafkaPublisher, FakeProducer], Any], room: int = 1_000) -> None:
    async def with_reports() -> None:
        kafka, producer = KafkaPublisher(), FakeProducer(room)
        kafka.attach(producer)
        serving = asyncio.create_task(kafka.serve_reports())
        try:
            await claim(kafka, producer)
        finally:
            serving.cancel()

    asyncio.run(with_reports())


def test_the_answer_waits_for_the_last_record() -> None:
    async def claim(kafka: KafkaPublisher, producer: FakeProducer) -> None:
        task = await started(kafka, 3)
        producer.report()
        producer.report()
        await asyncio.sleep(0.01)
        assert not task.done()
        producer.report()
        await task

    run(claim)


def test_one_record_that_kafka_did_not_take_is_enough_to_ask_for_a_retry() -> None:
    async def claim(kafka: KafkaPublisher, producer: FakeProducer) -> None:
        task = await started(kafka, 2)
        producer.report("timed out")
        await asyncio.sleep(0.01)
        assert not task.done(), "the other record may still fail or not"
        producer.report()
        with pytest.raises(Unavailable, match="timed out"):
            await task

    run(claim)


def test_a_full_queue_is_said_before_anything_is_produced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "QUEUE_RECORDS_MAX", 5)

    async def claim(kafka: KafkaPublisher, producer: FakeProducer) -> None:
        first = await started(kafka, 5)
        with pytest.raises(Unavailable, match="full"):
            await kafka.publish(outputs(1))
        assert len(producer) == 5
        for _ in range(5):
            producer.report()
        await first

    run(claim)


def test_a_client_queue_that_overflows_is_unavailable_and_late_reports_are_harmless() -> None:
    async def claim(kafka: KafkaPublisher, producer: FakeProducer) -> None:
        with pytest.raises(Unavailable, match="full"):
            await kafka.publish(outputs(3))
        producer.report("timed out")
        producer.report()
        producer.poll(0)

    run(claim, room=2)


def test_while_kafka_is_away_requests_are_refused_at_once() -> None:
    async def claim(kafka: KafkaPublisher, producer: FakeProducer) -> None:
        kafka.fault = "Kafka does not answer at h:1 (RAPPORT_KAFKA): gone"
        with pytest.raises(Unavailable, match="RAPPORT_KAFKA"):
            await kafka.publish(outputs(1))
        assert len(producer) == 0

    run(claim)


def test_nothing_to_publish_is_done_at_once() -> None:
    async def claim(kafka: KafkaPublisher, _producer: FakeProducer) -> None:
        await kafka.publish([])

    run(claim)


def test_ingest_is_not_ready_before_its_producer_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, stop = Settings(kafka="127.0.0.1:1"), Stop()
    kafka = KafkaPublisher()
    link = Link(settings, kafka, stop)
    faults: list[str | None] = []
    monkeypatch.setattr(clients, "missing", lambda *_: None)  # Kafka answers
    monkeypatch.setattr(clients, "wait_for", lambda *_, **__: True)
    monkeypatch.setattr(clients, "ensure_topics", lambda _: faults.append(link.fault()))
    monkeypatch.setattr(clients, "producer", lambda *_, **__: FakeProducer())
    link.start()
    assert link.connected.wait(10)
    stop.set()
    assert faults == [publisher.NOT_CONNECTED]
    assert link.fault() is None
