"""An import at full size: how long, how much memory on the way, and that every row is there once.

`python -m tests.bench.import_whole [--rows 1000000] [--twice] [--kill]`, on engines of its own:
`--kill` ends it in the middle by SIGKILL and takes it up again, `--twice` sends the file once more.
1 when a message id is missing in the topic, or one is there that the file has not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import psutil
from confluent_kafka import KafkaError, TopicPartition

from schemas import topics
from services.common import clients
from services.common.settings import Settings
from tests.bench.importing import command, written
from tests.bench.stage import environment, staged

QUARTERS: Final = (0.25, 0.5, 0.75, 1.0)


class Run(NamedTuple):
    """One process. `memory_mb`: its peak in each quarter of the rows, by what is acknowledged."""

    rows: int
    seconds: float
    peak_mb: float
    memory_mb: dict[str, int]
    killed: bool


class Named(msgspec.Struct):
    """Of a touchpoint."""

    message_id: str


def main() -> int:
    """Prints one JSON object a run, then what the topic holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.import_whole")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--twice", action="store_true", help="send the file once more")
    parser.add_argument("--kill", action="store_true", help="kill it in the middle, go on")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder) / "engines") as settings:
        workspace = Path(shutil.copytree(settings.workspace, Path(folder) / "workspace"))
        file = written(workspace, Path(folder) / "rows.parquet", options.rows)
        told = environment(settings) | {"RAPPORT_WORKSPACE": str(workspace)}
        runs = [("first", command(file), options.rows // 2 if options.kill else None)]
        runs += [("taken up again", command(file), None)] if options.kill else []
        runs += [("twice", command(file, "--again"), None)] if options.twice else []
        for name, typed, kill_at in runs:
            done = _run(settings, typed, told, options.rows, kill_at)
            sys.stdout.write(json.dumps({"run": name, **done._asdict()}) + "\n")
        records, distinct = _counted(settings)
    holds = {"rows": options.rows, "records": records, "distinct_message_ids": distinct}
    sys.stdout.write(json.dumps(holds) + "\n")
    return 0 if distinct == options.rows else 1


def _run(
    settings: Settings, typed: list[str], told: dict[str, str], rows: int, kill_at: int | None
) -> Run:
    """Until it ends, or is killed once so many rows are acknowledged."""
    began, peak_mb, seen = time.monotonic(), 0.0, dict.fromkeys(map(_percent, QUARTERS), 0)
    child = psutil.Popen(typed, env=told, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        with suppress(psutil.Error):  # it ended between two looks
            memory_mb = child.memory_info().rss / 1e6
            peak_mb = max(peak_mb, memory_mb)
            share = _acknowledged(settings) / rows
            quarter = _percent(next(each for each in QUARTERS if share <= each))
            seen[quarter] = max(seen[quarter], round(memory_mb))
        if kill_at is not None and _acknowledged(settings) >= kill_at:
            child.kill()
        time.sleep(0.1)
    killed = child.wait() < 0
    assert killed == (kill_at is not None), "the import ended otherwise than it should"
    seconds = round(time.monotonic() - began, 1)
    return Run(_acknowledged(settings), seconds, round(peak_mb), seen, killed)


def _percent(quarter: float) -> str:
    return f"{quarter:.0%}"


def _acknowledged(settings: Settings) -> int:
    """The last row that the import has noted."""
    for path in (settings.home / "imports").glob("*.json"):
        with suppress(OSError, ValueError):
            return int(json.loads(path.read_text())["last_row"])
    return 0


def _counted(settings: Settings) -> tuple[int, int]:
    """(records, distinct message ids) of touchpoints.accepted."""
    decode = msgspec.json.Decoder(Named).decode
    names, records = set[int](), 0
    told: dict[str, Any] = {"enable.partition.eof": True}
    with closing(clients.consumer(settings, "import.whole", **told)) as reader:
        places = [TopicPartition(topics.ACCEPTED.name, p, 0) for p in range(settings.partitions)]
        reader.assign(places)
        ended = 0
        while ended < len(places):
            for message in reader.consume(5_000, 1):
                if message.error() is None:
                    records += 1
                    names.add(hash(decode(message.value()).message_id))
                else:
                    assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                    ended += 1
    return records, len(names)


if __name__ == "__main__":
    sys.exit(main())
