"""Row `import`: `rapport import` of a Parquet file, beside a loop that reads, maps and sends."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from services.common import clients
from services.common.settings import Settings
from services.common.workspace import RowMapping
from services.ingest.domain.mapped import Mapper
from services.ingest.row_files import open_rows
from tests.bench.stage import environment, make_topic, row

ROWS: Final = 300_000
CUSTOMERS: Final = 50_000
OUT: Final = "bench.import.bare"
MAPPING: Final[dict[str, Any]] = {
    "call": "track",
    "event": {"column": "event"},
    "user_id": "customer",
    "email": "email",
    "time": "at",
    "properties": {
        "order_id": "order",
        "total": {"column": "amount", "type": "money", "currency": "EUR"},
        "url": "url",
    },
    "key": ["id"],
}


def bench_import(settings: Settings) -> dict[str, object]:
    """Orders and visits; the process's start is in it."""
    folder = settings.home / "import"
    workspace = Path(shutil.copytree(settings.workspace, folder / "workspace"))
    file = written(workspace, folder / "rows.parquet", ROWS)
    began = time.monotonic()
    used_s, peak_mb = _imported(settings, workspace, file)
    seconds = time.monotonic() - began
    bare = _bare_rows_per_s(settings, file)
    return row("import", ROWS, seconds, used_s, bare, peak_mb=round(peak_mb))


def written(workspace: Path, file: Path, count: int) -> Path:
    """So many rows, and the mapping `bench` for them."""
    (workspace / "mappings" / "bench.yaml").write_text(yaml.safe_dump(MAPPING))
    pq.write_table(_rows(count), file, row_group_size=100_000)
    return file


def command(file: Path, *options: str) -> list[str]:
    """As people type it."""
    start = [sys.executable, "-m", "services.cli", "import", str(file), "--mapping", "bench"]
    return [*start, "--json", *options]


def _imported(settings: Settings, workspace: Path, file: Path) -> tuple[float, float]:
    """(CPU seconds, peak of the memory in megabytes) of the command."""
    told = environment(settings) | {"RAPPORT_WORKSPACE": str(workspace)}
    child = psutil.Popen(command(file), env=told, stdout=subprocess.PIPE)
    used_s = peak_mb = 0.0
    while child.poll() is None:
        try:
            times = child.cpu_times()
            used_s, peak_mb = times.user + times.system, max(peak_mb, child.memory_info().rss / 1e6)
        except psutil.Error:  # it ended between two looks
            break
        time.sleep(0.1)
    said, _ = child.communicate()
    assert sum(json.loads(said)["accepted"].values()) == ROWS
    return used_s, peak_mb


def _bare_rows_per_s(settings: Settings, file: Path) -> float:
    """The same rows read, mapped, encoded and produced: no door, no headers, no progress."""
    make_topic(settings, OUT)
    producer = clients.producer(settings)
    mapping = RowMapping.model_validate(MAPPING)
    mapper, encode = Mapper("bench", mapping), msgspec.json.Encoder().encode
    began = time.monotonic()
    with open_rows(file, "bench", mapping) as rows:
        for batch in rows.batches(0):
            for one in batch:
                assert isinstance(one.row, dict)
                producer.produce(OUT, encode(mapper.call(one.row)), one.row["customer"])
            while len(producer) > 20_000:
                producer.poll(0.01)
    assert producer.flush(60) == 0
    return ROWS / (time.monotonic() - began)


def _rows(count: int) -> Any:
    dice, first = Random(1), datetime(2022, 1, 1, tzinfo=UTC)
    customers = [dice.randrange(CUSTOMERS) for _ in range(count)]
    is_order = [number % 4 == 0 for number in range(count)]
    moments = [first + timedelta(seconds=dice.randrange(90_000_000)) for _ in range(count)]
    return pa.table(
        {
            "id": range(count),
            "event": ["Order Completed" if one else "page_viewed" for one in is_order],
            "customer": [f"c{one}" for one in customers],
            "email": [f"c{one}@shop.example" for one in customers],
            "at": pa.array(moments, pa.timestamp("us", "UTC")),
            "order": [f"SO-{n}" if one else None for n, one in enumerate(is_order)],
            "amount": [round(dice.random() * 100, 2) if one else None for one in is_order],
            "url": [None if one else f"https://shop.example/p/{n % 999}" for n, one in
                    enumerate(is_order)],
        }
    )  # fmt: skip
