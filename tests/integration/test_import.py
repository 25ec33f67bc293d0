"""`rapport import` against a real Kafka: each kind of file, killed, taken up again, run twice."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from base64 import b64decode
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from confluent_kafka import Consumer, KafkaException, TopicPartition
from typer.testing import CliRunner

from deploy.embedded.engines import Engines
from services.cli.__main__ import app
from services.common import clients
from services.common.settings import Settings
from tests.waiting import until

#: Three batches; every hundredth row is refused.
ROWS: Final = 4_001
REFUSED: Final = 41
MAPPING: Final = {
    "call": "track",
    "event": "Order Completed",
    "user_id": "customer",
    "time": "at",
    "properties": {"order_id": "no", "total": {"column": "amount", "type": "money"}},
    "key": ["no"],
}
RUN: Final = CliRunner()
Record = dict[str, Any]


@pytest.fixture
def logs(engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Logs:
    mappings = tmp_path / "workspace" / "mappings"
    mappings.mkdir(parents=True)
    for path in Path("deploy/workspace").glob("*.yaml"):
        (tmp_path / "workspace" / path.name).write_bytes(path.read_bytes())
    (mappings / "orders.yaml").write_text(yaml.safe_dump(MAPPING))
    monkeypatch.setenv("RAPPORT_KAFKA", engines.kafka)
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RAPPORT_WORKSPACE", str(tmp_path / "workspace"))
    clients.ensure_topics(Settings())
    return Logs()


def arguments(file: Path) -> list[str]:
    return ["import", str(file), "--mapping", "orders", "--json"]


def killed_at(file: Path, failpoint: str) -> None:
    """The import runs as a process and dies there."""
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments(file)],
        env=os.environ | {"RAPPORT_FAILPOINT": failpoint},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def imported(file: Path, *options: str) -> Record:
    """What the command says of an import that went through."""
    done = RUN.invoke(app("import"), [*arguments(file), *options])
    assert done.exit_code == 0, done.output
    said: Record = json.loads(done.stdout)
    return said


def written(file: Path, prefix: str, count: int = ROWS) -> Path:
    rows = [
        {
            "no": f"{prefix}-{n}",
            "customer": f"c{n % 500}" if n % 100 else None,
            "at": f"2024-0{1 + n % 9}-01T00:00:00Z",
            "amount": n,
        }
        for n in range(count)
    ]
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=700)
    elif file.suffix == ".csv":
        with file.open("w", newline="") as opened:
            writer = csv.DictWriter(opened, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


class Log:
    """What a topic holds since the test began."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._begins: dict[int, int] = {}
        until(self._begun, f"{topic} to have leaders")

    def _begun(self) -> bool:
        try:
            self._begins = self._ends()
        except KafkaException:
            return False
        return True

    def records(self) -> list[Record]:
        ends, read = self._ends(), dict(self._begins)
        values: list[Record] = []
        with closing(_consumer()) as consumer:
            consumer.assign([TopicPartition(self._topic, *place) for place in read.items()])
            while any(read[part] < end for part, end in ends.items()):
                for each in consumer.consume(2_000, 0.1):
                    assert each.error() is None
                    read[each.partition() or 0] = (each.offset() or 0) + 1
                    values.append(json.loads(each.value() or b""))
        return values

    def _ends(self) -> dict[int, int]:
        with closing(_consumer()) as consumer:
            parts = consumer.list_topics(self._topic, timeout=10).topics[self._topic].partitions
            places = [TopicPartition(self._topic, part) for part in parts]
            return {one.partition: consumer.get_watermark_offsets(one)[1] for one in places}


def _consumer() -> Consumer:
    return Consumer({"bootstrap.servers": Settings().kafka, "group.id": "the test of imports"})


class Logs:
    """Both topics that an import writes."""

    def __init__(self) -> None:
        self._accepted, self._letters = Log("touchpoints.accepted"), Log("dead_letters")

    def orders(self, prefix: str) -> dict[str, set[str]]:
        """Order → the ids of its events: it counts as often as it has ids."""
        found: dict[str, set[str]] = {}
        for value in self._accepted.records():
            if (order := value["properties"].get("order_id", "")).startswith(f"{prefix}-"):
                found.setdefault(order, set()).add(value["event_id"])
        return found

    def letters(self, prefix: str) -> dict[str, str]:
        """Id → detail of this test's dead letters."""
        return {
            one["event_id"]: one["detail"]
            for one in self._letters.records()
            if f'"{prefix}-'.encode() in b64decode(one["original"])
        }


@pytest.mark.parametrize(
    ("name", "failpoint"),
    [
        ("orders.csv", "after_read:2"),
        ("orders.jsonl", "middle_of_produce:3"),
        ("orders.parquet", "before_next_commit"),
    ],
)
def test_killed_and_taken_up_again_nothing_is_missing_or_doubled(
    tmp_path: Path, prefix: str, logs: Logs, name: str, failpoint: str
) -> None:
    file = written(tmp_path / name, prefix)
    killed_at(file, failpoint)
    said = imported(file)
    assert (said["rows"], said["sent_now"]) == (ROWS, True)
    assert said["accepted"] == {"order_completed": ROWS - REFUSED}
    assert said["refused"] == {"no_identifier": REFUSED}
    found = logs.orders(prefix)
    assert set(found) == {f"{prefix}-{n}" for n in range(ROWS) if n % 100}
    assert all(len(ids) == 1 for ids in found.values())
    refused = logs.letters(prefix)
    assert f"row 101 of {name}: no userId, anonymousId, e-mail or phone" in refused.values()
    assert len(refused) == REFUSED


def test_run_twice_nothing_is_doubled_and_a_mended_mapping_brings_in_the_rest(
    tmp_path: Path, prefix: str, logs: Logs
) -> None:
    file = written(tmp_path / "orders.parquet", prefix, 300)
    imported(file)
    first = logs.orders(prefix)
    assert imported(file)["sent_now"] is False
    assert imported(file, "--again")["sent_now"] is True
    assert logs.orders(prefix) == first
    mended = MAPPING | {"anonymous_id": "no"}
    (tmp_path / "workspace" / "mappings" / "orders.yaml").write_text(yaml.safe_dump(mended))
    assert imported(file)["accepted"] == {"order_completed": 300}
    whole = logs.orders(prefix)
    assert len(whole) == 300
    assert first.items() <= whole.items()
