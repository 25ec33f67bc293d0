"""touchpoints.inbound: offsets are committed only after Kafka has what came of the records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import KafkaException

from schemas.dead_letter import DeadLetter
from schemas.touchpoint import Touchpoint
from services.common.run import Stop
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.ingest.keys import Doors
from services.ingest.live import Live
from services.ingest.stream import Inbound
from tests.unit.ingest_builders import SALT, WORKSPACE, WORKSPACES, track

LONG_AGO_MS = 1_700_000_000_000


class FakeMessage:
    def __init__(self, value: bytes | None, offset: int, **headers: bytes) -> None:
        self._value, self._offset, self._headers = value, offset, headers
        self.at_ms = LONG_AGO_MS

    def error(self) -> None: ...

    def topic(self) -> str:
        return "touchpoints.inbound"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return self._offset

    def key(self) -> None: ...

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> list[tuple[str, bytes]]:
        return list(self._headers.items())

    def timestamp(self) -> tuple[int, int]:
        return 1, self.at_ms


class FakeKafka:
    """Consumer and producer in one; `story` is what happened, in order."""

    def __init__(self, messages: Sequence[FakeMessage], fails: int = 0) -> None:
        self._messages = list(messages)
        self._fails = fails
        self._reports: list[Any] = []
        self.refuses_commits = False
        self.story: list[str] = []
        self.values: list[bytes] = []

    def consume(self, _most: int, _seconds: float) -> list[FakeMessage]:
        messages, self._messages = self._messages, []
        return messages

    def produce(self, topic: str, value: bytes, _key: bytes, **more: Any) -> None:
        def report() -> None:
            failed = self._fails > 0
            self._fails -= failed
            self.story.append(f"{'lost' if failed else 'took'} {topic}")
            if not failed:
                self.values.append(value)
            more["on_delivery"]("timed out" if failed else None, None)

        self._reports.append(report)

    def flush(self, _seconds: float) -> int:
        reports, self._reports = self._reports, []
        for report in reports:
            report()
        return 0

    def commit(self, offsets: list[Any], asynchronous: bool) -> None:
        assert not asynchronous
        if self.refuses_commits:
            raise KafkaException("the group is rebalancing")
        self.story += [f"committed {each.partition}:{each.offset}" for each in offsets]

    def get_watermark_offsets(self, _place: Any, cached: bool) -> tuple[int, int]:
        assert cached
        return 0, 100


class Patient:
    """A watchdog that never bites."""

    def alive(self) -> None: ...


def turned(
    *messages: FakeMessage, fails: int = 0, workspaces: dict[str, Workspace] | None = None
) -> FakeKafka:
    """What one turn does with these messages."""
    kafka = FakeKafka(messages, fails)
    turn(kafka, workspaces or WORKSPACES)
    return kafka


def turn(kafka: FakeKafka, workspaces: dict[str, Workspace]) -> None:
    inbound = Inbound(Settings(), Doors(workspaces, SALT), Stop(), Live())
    inbound._turn(kafka, kafka, Patient())  # type: ignore[arg-type]


def message(call: object, offset: int = 0, **headers: bytes) -> FakeMessage:
    return FakeMessage(json.dumps(call).encode(), offset, **headers)


def test_offsets_are_committed_after_everything_is_acknowledged() -> None:
    kafka = turned(message(track(), 7), message(track(None), 8))
    assert kafka.story == ["took touchpoints.accepted", "took dead_letters", "committed 3:9"]


def test_what_kafka_did_not_take_is_sent_again_before_the_commit() -> None:
    kafka = turned(message(track(), 7), message(track(messageId="m-2"), 8), fails=1)
    assert kafka.story == [
        "lost touchpoints.accepted",
        "took touchpoints.accepted",
        "took touchpoints.accepted",
        "committed 3:9",
    ]


def test_a_commit_that_fails_stops_nothing() -> None:
    kafka = FakeKafka([message(track())])
    kafka.refuses_commits = True
    turn(kafka, WORKSPACES)
    assert kafka.story == ["took touchpoints.accepted"]


def test_a_record_without_message_id_is_named_by_its_place_in_the_log() -> None:
    call = track(messageId=None)
    first, again, other = (
        Touchpoint.model_validate_json(turned(message(call, offset)).values[0])
        for offset in (7, 7, 8)
    )
    assert first.event_id == again.event_id != other.event_id


def test_a_wait_in_the_log_does_not_shift_when_something_happened() -> None:
    """receivedAt is the record's time: the clock rule holds however late it is read."""
    call = track(timestamp="2031-01-01T00:00:00Z", sentAt="2031-01-01T00:00:10Z")
    [value] = turned(message(call)).values
    touchpoint = Touchpoint.model_validate_json(value)
    received_at = datetime.fromtimestamp(LONG_AGO_MS / 1000, UTC)
    assert touchpoint.received_at == received_at
    assert touchpoint.occurred_at == received_at - timedelta(seconds=10)


@pytest.mark.parametrize("at_ms", [-1, 0, 2**62])
def test_a_record_with_an_impossible_time_arrived_now(at_ms: int) -> None:
    odd = message(track())
    odd.at_ms = at_ms
    before = datetime.now(UTC)
    touchpoint = Touchpoint.model_validate_json(turned(odd).values[0])
    assert before <= touchpoint.received_at <= datetime.now(UTC)


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b"[" * 9_999, b"7", b'"' * 99_999])
def test_whatever_the_log_holds_the_partition_goes_on(value: bytes | None) -> None:
    kafka = turned(FakeMessage(value, 1))
    assert kafka.story == ["took dead_letters", "committed 3:2"]
    letter = DeadLetter.model_validate_json(kafka.values[0])
    assert (letter.topic, letter.partition, letter.offset) == ("touchpoints.inbound", 3, 1)


def test_a_workspace_is_named_by_the_header_or_a_field() -> None:
    two = {name: WORKSPACE.model_copy(update={"name": name}) for name in ("one", "two")}
    kafka = turned(
        message(track(), 0, workspace=b"one"),
        message(track(workspace="two"), 1),
        message(track(), 2),
        message(track(), 3, workspace=b"three"),
        workspaces=two,
    )
    found = [json.loads(value) for value in kafka.values]
    assert [each["workspace"] for each in found] == ["one", "two", "unknown", "unknown"]
    assert [each.get("reason") for each in found[2:]] == ["unknown_workspace"] * 2
