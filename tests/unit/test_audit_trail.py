"""The audit trail: each change of it is found, and no act goes unrecorded."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import KafkaException
from hypothesis import given
from hypothesis import strategies as st

from schemas.audit import AuditRecord
from schemas.base import to_json
from services.common.audit import Act, Audit, Chain, NotKept
from services.common.audit_log import Place, Read, ends, read, verify
from services.common.audit_queue import AuditQueue
from tests.waiting import until

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ACT = Act("ada", "profile.read", "demo", "5f", {"fields": 3})


def trail(count: int, writer: str = "api", follows: Sequence[AuditRecord] = ()) -> list[bytes]:
    chain = Chain(writer, ends(follows))
    acts = [Act(f"who {at}", "profile.read", "demo", str(at), {"of": at}) for at in range(count)]
    at = NOON + timedelta(hours=len(follows))
    return [to_json(chain.record(act, at + timedelta(seconds=n))) for n, act in enumerate(acts)]


def records(values: Sequence[bytes]) -> list[AuditRecord]:
    return [AuditRecord.model_validate_json(value) for value in values]


def reads(values: Sequence[bytes], start: int = 0) -> list[Read]:
    return [read(Place(0, start + at), value) for at, value in enumerate(values)]


def faults(values: Sequence[bytes], start: int = 0) -> list[str]:
    return verify(reads(values, start)).faults


def changed(value: bytes, **fields: Any) -> bytes:
    return json.dumps(json.loads(value) | fields).encode()


def test_a_trail_that_nobody_touched_is_intact() -> None:
    values = trail(20)
    verdict = verify(reads(values))
    assert (verdict.faults, verdict.records, verdict.chains) == ([], 20, 1)
    assert [end.sequence for end in verdict.ends] == [19]


@given(
    st.integers(0, 9),
    st.sampled_from(("who", "what", "workspace", "subject", "at", "details", "new")),
)
def test_a_changed_field_of_any_record_is_found(place: int, field: str) -> None:
    values = trail(10)
    new = {"at": "2026-01-02T12:00:09.5Z", "details": {"of": 99}}.get(field, "x")
    values[place] = changed(values[place], **{field: new})
    assert any("was changed" in one for one in faults(values))


@given(st.integers(0, 9))
def test_a_changed_record_with_a_hash_to_match_is_found_by_the_next_one(place: int) -> None:
    values = trail(10)
    forged = Chain("api")
    forged._next, forged._previous = place, records(values)[place].previous
    values[place] = to_json(forged.record(ACT, NOON))
    found = faults(values)
    assert bool(found) == (place < 9)  # the end is named by whoever begins next, see below
    assert all("names another one before it" in one for one in found)


@given(st.integers(0, 8))
def test_a_removed_record_is_found(place: int) -> None:
    values = trail(10)
    del values[place]
    assert len(faults(values)) == 1


@given(st.integers(0, 10), st.integers(0, 12))
def test_an_inserted_record_is_found(place: int, sequence: int) -> None:
    values, forged = trail(10), Chain("api")
    forged._next = sequence
    values.insert(place, to_json(forged.record(ACT, NOON)))
    assert faults(values)


def test_a_removed_end_and_a_whole_removed_chain_are_found_by_who_begins_later() -> None:
    first = trail(3, "a")
    second = trail(2, "b", records(first))
    third = trail(1, "c", records(first + second))
    assert faults(first + second + third) == []
    assert any("missing" in one for one in faults(first[:-1] + second + third))
    assert any("missing" in one for one in faults(second + third))
    assert any("missing" in one for one in faults(first + third))
    forged = [*first[:-1], to_json(Chain("a").record(ACT, NOON))]
    assert any("missing" in one or "not the one" in one for one in faults(forged + second))


def test_a_record_that_was_sent_twice_is_one() -> None:
    values = trail(6)
    again = values[:4] + values[2:] + values[3:4]
    assert faults(again) == []


def test_what_retention_took_from_the_beginning_is_told_and_is_no_fault() -> None:
    verdict = verify(reads(trail(10)[4:], start=4))
    assert (verdict.faults, verdict.expired) == ([], 4)
    assert faults(trail(10)[4:], start=0)


def test_bytes_that_are_no_record_are_a_fault() -> None:
    assert faults([*trail(1), b"{}"]) == ["audit[0]@1 can not be read"]


def test_chains_that_were_named_are_not_named_again() -> None:
    first = records(trail(3, "a"))
    second = records(trail(2, "b", first))
    assert [end.writer for end in ends(first + second)] == ["b"]


class FakeProducer:
    """Takes records while it is up; each is acknowledged at once."""

    def __init__(self, log: list[bytes]) -> None:
        self.log = log
        self.up = True
        self.slow = threading.Event()
        self.slow.set()

    def produce(
        self, topic: str, value: bytes, key: bytes, *, headers: Any, on_delivery: Any
    ) -> None:
        self.slow.wait(10)
        if not self.up:
            raise KafkaException("away")
        self.log.append(value)
        on_delivery(None, None)

    def poll(self, _seconds: float) -> None: ...

    def flush(self, _seconds: float) -> None: ...

    def purge(self) -> None: ...


def kept(log: list[bytes]) -> tuple[FakeProducer, Audit]:
    producer = FakeProducer(log)
    return producer, Audit(lambda: producer, Chain("api"), lambda: NOON)


def test_an_act_that_kafka_does_not_take_is_refused_and_leaves_no_hole() -> None:
    log: list[bytes] = []
    producer, audit = kept(log)
    audit.note(ACT)
    producer.up = False
    with pytest.raises(NotKept, match="RAPPORT_KAFKA"):
        audit.note(ACT)
    producer.up = True
    audit.note(ACT)
    assert [one.sequence for one in records(log)] == [0, 1, 2]
    assert faults(log) == []


def note(queue: AuditQueue, times: int) -> None:
    for _ in range(times):
        queue.note(ACT)


def queued(audit: Audit, waiting_max: int = 100) -> AuditQueue:
    return AuditQueue(audit, lambda: NOON, waiting_max).start()


def test_reads_are_noted_behind_them_and_all_are_there_in_the_end() -> None:
    log: list[bytes] = []
    queue = queued(kept(log)[1], 10_000)
    hands = [threading.Thread(target=lambda: note(queue, 300)) for _ in "abc"]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert queue.close(10)
    assert len(log) == 900
    assert faults(log) == []


def test_a_full_queue_refuses_the_read_and_does_not_wait() -> None:
    producer, audit = kept([])
    producer.slow.clear()
    queue = queued(audit, 3)
    with pytest.raises(NotKept, match="too many"):
        note(queue, 50)
    producer.slow.set()
    assert queue.close(10)


def test_while_kafka_is_away_reads_are_refused_and_what_was_noted_is_kept() -> None:
    log: list[bytes] = []
    producer, audit = kept(log)
    producer.up = False
    queue = queued(audit)
    queue.note(ACT)
    until(lambda: queue.fault() is not None, "the fault to be seen")
    with pytest.raises(NotKept):
        queue.note(ACT)
    producer.up = True
    until(lambda: queue.fault() is None, "the trail to be written again")
    queue.note(ACT)
    assert queue.close(10)
    assert [one.sequence for one in records(log)] == [0, 1]


def test_closing_while_kafka_is_away_says_that_acts_are_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    producer, audit = kept([])
    producer.up = False
    queue = queued(audit)
    queue.note(ACT)
    until(lambda: queue.fault() is not None, "the fault to be seen")
    assert not queue.close(5)
    assert "missing from the audit trail" in caplog.text
