"""Rows `fold_bare`, `fold_faust`, `fold_quix`: the same fold on three processors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec

from services.common.settings import Settings
from tests.bench.stage import PROJECT, fill, make_topic, row

SOURCE = "bench.fold.in"
CUSTOMERS = 20_000
EVENTS = {"bare": 200_000, "faust": 30_000, "quix": 60_000}
LOCK = Path(__file__).with_name("requirements.lock")
PEERS = Path(__file__).with_name("peers")


def bench_folds(settings: Settings) -> list[dict[str, object]]:
    """The three rows; the peers' environment is made once in build/."""
    make_topic(settings, SOURCE)
    fill(settings, SOURCE, _events(max(EVENTS.values())))
    bare = _run(settings, "bare", [sys.executable, "-m", "tests.bench.peers.bare"])
    per_s = bare["events"] / bare["seconds"]
    rows = [row("fold_bare", int(bare["events"]), bare["seconds"], bare["cpu_s"], per_s)]
    peers = {
        "faust": [sys.executable, "-m", "tests.bench.peers.faust_fold"],
        "quix": [str(peers_python()), str(PEERS / "quix_fold.py")],
    }
    for name, command in peers.items():
        found = _run(settings, name, command)
        rows.append(
            row(f"fold_{name}", int(found["events"]), found["seconds"], found["cpu_s"], per_s)
        )
    return rows


def _events(count: int) -> list[tuple[bytes, bytes]]:
    """400 bytes each."""
    dice = Random(1)
    encode = msgspec.json.Encoder().encode
    records = []
    for number in range(count):
        user = f"user-{dice.randrange(CUSTOMERS)}"
        event = {
            "id": f"event-{number:012d}",
            "user": user,
            "amount": dice.randrange(10_000),
            "at": number,
            "note": "x" * 290,
        }
        records.append((user.encode(), encode(event)))
    return records


def _run(settings: Settings, name: str, command: list[str]) -> dict[str, float]:
    target = f"bench.fold.{name}"
    make_topic(settings, target)
    arguments = [settings.kafka, SOURCE, target, str(settings.partitions), str(EVENTS[name])]
    ended = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    lines = [line for line in ended.stdout.splitlines() if line.startswith("{")]
    assert lines, f"{name} reported nothing:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
    report: dict[str, float] = json.loads(lines[-1])
    return report


def peers_python() -> Path:
    """An environment of its own: quixstreams pins an older confluent-kafka than ours."""
    home = PROJECT / "build" / "bench-venv"
    python = home / "bin" / "python"
    if not (home / ".ready").is_file():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
        (home / ".ready").touch()
    return python
