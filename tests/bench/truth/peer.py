"""splink (its DuckDB backend) on the same identifiers: one record for each set that came together.

It runs in the environment of the bench's peers, for it is no dependency of ours.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.folds import PEERS, peers_python
from tests.bench.truth.people import Key

COLUMNS: Final = ("user_id", "email", "phone", "anonymous_id")
SECONDS_MAX: Final = 900


@dataclass(slots=True)
class Peer:
    """splink's groups of keys, and what it says of its run."""

    groups: list[list[Key]]
    told: dict[str, Any]


def splink_groups(rows: Iterable[tuple[Key, ...]]) -> Peer:
    """All keys of each cluster of records."""
    kept = list(rows)
    with tempfile.TemporaryDirectory() as folder:
        table, clusters = Path(folder, "rows.jsonl"), Path(folder, "clusters.jsonl")
        with table.open("w") as file:
            for number, keys in enumerate(kept):
                values: dict[str, object] = dict.fromkeys(COLUMNS)
                file.write(json.dumps(values | dict(keys) | {"unique_id": number}) + "\n")
        command = [str(peers_python()), str(PEERS / "splink_links.py"), str(table), str(clusters)]
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS_MAX
        )
        assert ended.returncode == 0, (
            f"splink failed:\n{ended.stdout[-2000:]}{ended.stderr[-4000:]}"
        )
        groups: dict[str, set[Key]] = defaultdict(set)
        for line in clusters.read_text().splitlines():
            cluster, number = json.loads(line)
            groups[cluster].update(kept[number])
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return Peer([list(group) for group in groups.values()], told | {"records": len(kept)})
