"""Row `ingest_flooded`: a quiet key's p99 alone and beside the flood of another key."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.embedded.ports import free_port
from services.common.settings import Settings
from tests.bench.flood_bare import TOPIC
from tests.bench.flood_load import QUIET_REQUESTS_PER_S
from tests.bench.ingest import cpu_s, running
from tests.bench.stage import make_topic

SECONDS: Final = 2.5
#: The flood is there before the quiet sender is looked at, and leaves after it.
AROUND_S: Final = 0.7
QUIET, LIMITED, OPEN = "quiet-key", "limited-key", "open-key"
LIMITS: Final = {"events_per_s": 500, "burst": 500}

Measured = dict[str, Any]


def bench_flood(settings: Settings) -> Measured:
    """Alone, beside a key over its limit, and beside one without a limit; the same on a bare door.

    `p99_ratio`, `bare_p99_ratio`: p99 under the flood of the limited key to p99 alone.
    """
    workspace = _workspace(Path(settings.home) / "flooded")
    with running(settings.model_copy(update={"workspace": workspace}), 1) as (processes, port):
        _quiet(port, 1.0)
        alone = _quiet(port, SECONDS)
        before = cpu_s(processes)
        limited, refusals = _flooded(port, LIMITED)
        used_s = cpu_s(processes) - before
        opened, taken = _flooded(port, OPEN)
    with _bare(settings) as port:
        _quiet(port, 0.5)
        bare_alone = _quiet(port, SECONDS / 2)
        bare_limited, _ = _flooded(port, LIMITED)
    requests = sum(limited["statuses"].values()) + sum(refusals.values())
    return {
        "name": "ingest_flooded",
        "events_per_s": QUIET_REQUESTS_PER_S,
        "cpu_us_per_event": round(used_s / requests * 1e6, 1),
        "p99_ms": round(limited["p99_ms"], 1),
        "alone_p99_ms": round(alone["p99_ms"], 1),
        "p99_ratio": round(limited["p99_ms"] / alone["p99_ms"], 2),
        "bare_p99_ratio": round(bare_limited["p99_ms"] / bare_alone["p99_ms"], 2),
        "unlimited_p99_ratio": round(opened["p99_ms"] / alone["p99_ms"], 2),
        "quiet_statuses": limited["statuses"],
        "flood_statuses": refusals,
        "unlimited_flood_statuses": taken,
    }


def _workspace(folder: Path) -> Path:
    """The example with three sources, of which one is limited."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree("deploy/workspace", folder)
    sources: list[dict[str, Any]] = [
        {"name": key, "kind": "http", "key_hashes": [sha256(key.encode()).hexdigest()]}
        for key in (QUIET, LIMITED, OPEN)
    ]
    sources[1]["limits"] = LIMITS
    (folder / "sources.yaml").write_text(yaml.safe_dump(sources))
    return folder


def _flooded(port: int, key: str) -> tuple[Measured, dict[str, int]]:
    """The quiet sender while the key floods; how the flood was answered."""
    flood = _load("flood", port, key, SECONDS + 2 * AROUND_S)
    time.sleep(AROUND_S)
    measured = _quiet(port, SECONDS)
    said, _ = flood.communicate()
    answered: dict[str, int] = json.loads(said)["statuses"]
    return measured, answered


def _quiet(port: int, seconds: float) -> Measured:
    said, _ = _load("quiet", port, QUIET, seconds).communicate()
    measured: Measured = json.loads(said)
    assert measured["statuses"].keys() == {"200"}, measured
    return measured


def _load(what: str, port: int, key: str, seconds: float) -> subprocess.Popen[bytes]:
    numbers = (what, str(port), key, str(seconds))
    command = [sys.executable, "-m", "tests.bench.flood_load", *numbers]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@contextmanager
def _bare(settings: Settings) -> Iterator[int]:
    make_topic(settings, TOPIC)
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.flood_bare", str(port), settings.kafka, LIMITED]
    child = subprocess.Popen(command)
    try:
        time.sleep(2)
        yield port
    finally:
        child.kill()
        child.wait()


def flood_lines(row: Measured) -> list[str]:
    """What the table has no column for."""
    refused, taken = row["flood_statuses"], row["unlimited_flood_statuses"]
    return [
        f"{row['name']}: the quiet key's p99 {row['alone_p99_ms']} ms alone, {row['p99_ms']} ms "
        f"beside a limited key's flood: {row['p99_ratio']} × (bare: {row['bare_p99_ratio']} ×); "
        f"the flood was answered {refused}",
        f"{row['name']}: beside a flood without a limit {row['unlimited_p99_ratio']} ×; "
        f"the flood was answered {taken}",
    ]
