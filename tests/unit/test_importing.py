"""An import notes only what Kafka has acknowledged, and goes on from there with the same ids."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.dead_letter import DeadLetter
from schemas.touchpoint import Touchpoint
from services.ingest import importing
from services.ingest.domain.mapped import Mapper
from services.ingest.importing import Import, Judge, KafkaRefused
from services.ingest.row_files import NumberedRow
from services.ingest.tally import Progress, ProgressFile, Tally
from tests.unit.ingest_builders import NOW, door
from tests.unit.mapping_builders import ROW, mapping

START = Progress("digest", NOW.isoformat())


class FakeRows:
    """Rows in memory; `dies_at`: the batch that ends the process."""

    def __init__(self, rows: Sequence[dict[str, Any]], dies_at: int = -1) -> None:
        self._rows, self._dies_at = rows, dies_at

    def batches(self, after: int) -> Iterator[list[NumberedRow]]:
        numbered = [NumberedRow(n, row) for n, row in enumerate(self._rows, 1) if n > after]
        for number in range(0, len(numbered), 3):
            if number // 3 == self._dies_at:
                raise SystemError
            yield numbered[number : number + 3]

    def share_read(self) -> float:
        return 0.5


class FakeProducer:
    """Acknowledges late and in any order; `refuses`: this record, counted from 0."""

    def __init__(self, seed: int = 0, refuses: int = -1) -> None:
        self._dice, self._refuses = random.Random(seed), refuses
        self._waiting: list[tuple[int, bytes, Any]] = []
        self._produced = 0
        self.taken: list[bytes] = []

    def produce(self, _topic: str, value: bytes, _key: bytes, **more: Any) -> None:
        self._waiting.append((self._produced, value, more["on_delivery"]))
        self._produced += 1

    def poll(self, seconds: float) -> None:
        for _ in range(len(self._waiting) if seconds else self._dice.randint(0, 1)):
            if not self._waiting:
                return
            number, value, report = self._waiting.pop(self._dice.randrange(len(self._waiting)))
            if number != self._refuses:
                self.taken.append(value)
            report("timed out" if number == self._refuses else None, None)


def rows(count: int) -> list[dict[str, Any]]:
    """Every seventh is refused, every fifth passed over."""
    return [
        ROW | {"order_no": f"{n}", "amount": "x" if n % 7 == 0 else n, "status": f"{n % 5}"}
        for n in range(1, count + 1)
    ]


def importer(
    home: Path, producer: FakeProducer, progress: Progress = START, watch: Any = lambda *_: None
) -> Import:
    judge = Judge(Mapper("orders", mapping(only={"status": [1, 2, 3, 4]})), door(), "orders.csv")
    return Import(judge, producer, ProgressFile(home, "an import"), progress, watch)


def ids(values: Sequence[bytes]) -> set[UUID]:
    return {UUID(json.loads(value)["event_id"]) for value in values}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is noted whenever there is some, and little may be open."""
    monkeypatch.setattr(importing, "NOTED_EVERY_S", 0)
    monkeypatch.setattr(importing, "OPEN_ROWS_MAX", 7)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[UUID], Tally]:
    """What comes of 70 rows that nothing interrupts."""
    kafka = FakeProducer()
    done = importer(tmp_path_factory.mktemp("home"), kafka).run(FakeRows(rows(70)))
    assert done.done
    assert done.last_row == 70
    return ids(kafka.taken), done.tally


def test_every_row_is_accounted_for(whole: tuple[set[UUID], Tally]) -> None:
    events, tally = whole
    assert tally == Tally(70, {"order_completed": 48}, {"bad_properties": 8}, 14)
    assert len(events) == 56


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000), dies_at=st.integers(0, 23))
def test_killed_anywhere_and_resumed_nothing_is_missing(
    tmp_path_factory: pytest.TempPathFactory,
    whole: tuple[set[UUID], Tally],
    seed: int,
    dies_at: int,
) -> None:
    home = tmp_path_factory.mktemp("home")
    kafka = FakeProducer(seed)
    with pytest.raises(SystemError):
        importer(home, kafka).run(FakeRows(rows(70), dies_at))
    kept = ProgressFile(home, "an import").read()
    assert kept is not None
    assert not kept.done
    resumed = FakeProducer(seed)
    done = importer(home, resumed, kept).run(FakeRows(rows(70)))
    assert ids(kafka.taken) | ids(resumed.taken) == whole[0]
    assert (done.tally, done.last_row, done.done) == (whole[1], 70, True)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000), refuses=st.integers(0, 55))
def test_what_kafka_did_not_take_is_sent_by_the_next_run(
    tmp_path_factory: pytest.TempPathFactory,
    whole: tuple[set[UUID], Tally],
    seed: int,
    refuses: int,
) -> None:
    home = tmp_path_factory.mktemp("home")
    kafka = FakeProducer(seed, refuses)
    with pytest.raises(KafkaRefused):
        importer(home, kafka).run(FakeRows(rows(70)))
    kept = ProgressFile(home, "an import").read()
    assert kept is not None
    resumed = FakeProducer(seed)
    assert importer(home, resumed, kept).run(FakeRows(rows(70))).tally == whole[1]
    assert ids(kafka.taken) | ids(resumed.taken) == whole[0]


def test_sent_again_it_is_the_same_bytes_in_the_same_week(
    tmp_path: Path, whole: tuple[set[UUID], Tally]
) -> None:
    first, again = FakeProducer(), FakeProducer()
    done = importer(tmp_path, first).run(FakeRows(rows(70)))
    importer(tmp_path, again, replace(done, last_row=0)).run(FakeRows(rows(70)))
    assert sorted(first.taken) == sorted(again.taken)
    touchpoints = [Touchpoint.model_validate_json(v) for v in first.taken if b'"reason"' not in v]
    assert {one.received_at for one in touchpoints} == {NOW}


def test_a_refused_row_says_which_it_is(tmp_path: Path) -> None:
    kafka = FakeProducer()
    nobody = ROW | {"customer": "", "mail": None, "status": "1"}
    importer(tmp_path, kafka).run(FakeRows([*rows(6), nobody, ROW | {"at": "x", "status": 1}]))
    letters = [DeadLetter.model_validate_json(v) for v in kafka.taken if b'"reason"' in v]
    assert sorted(one.detail for one in letters) == [
        "row 7 of orders.csv: no userId, anonymousId, e-mail or phone",
        "row 8 of orders.csv: column 'at' is no time from 1900 to 2200: 'x'",
    ]


def test_a_byte_that_is_no_text_spoils_its_row(tmp_path: Path) -> None:
    kafka = FakeProducer()
    rest = importer(tmp_path, kafka).run(
        FakeRows([ROW | {"status": "1", "order_no": "\udcff"}, rows(1)[0]])
    )
    assert rest.tally == Tally(2, {"order_completed": 1}, {"bad_properties": 1})


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tally": 1}', '{"tally": {}, "x": 1}'])
def test_progress_that_can_not_be_read_is_none(tmp_path: Path, content: str) -> None:
    kept = ProgressFile(tmp_path, "an import")
    kept.write(START)
    assert kept.read() == START
    kept.path.write_text(content)
    assert kept.read() is None
