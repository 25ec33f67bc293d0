"""make bench: every hot path beside a bare loop of the same run, into build/bench.json."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from services.common.settings import Settings
from tests.bench.accounts import bench_accounts
from tests.bench.contended import bench_contended, bench_fan_out, contended_line
from tests.bench.flood import bench_flood, flood_lines
from tests.bench.folds import bench_folds
from tests.bench.identity_plan import bench_identity_plan
from tests.bench.importing import bench_import
from tests.bench.ingest import bench_batch, bench_single
from tests.bench.pipeline import bench_pipeline
from tests.bench.profile_api import bench_profile_api
from tests.bench.stage import PROJECT, staged
from tests.bench.stages import bench_profile, bench_scoring

Rows = list[dict[str, Any]]

#: Groups that need engines of their own, in order; scoring reads what profile has written.
GROUPS: dict[str, tuple[Callable[[Settings], Any], ...]] = {
    "ingest": (bench_batch, bench_single, bench_flood),
    "stages": (bench_profile, bench_scoring),
    "profile_api": (bench_profile_api,),
    "pipeline": (bench_pipeline,),
    "accounts": (bench_accounts,),
    "folds": (bench_folds,),
    "contended": (bench_contended, bench_fan_out),
    "import": (bench_import,),
    "identity_plan": (bench_identity_plan,),
}


def main() -> int:
    """Runs the groups one after another, alone on the machine."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=tuple(GROUPS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: Rows = []
    for name, benches in GROUPS.items():
        if options.only in (None, name):
            rows += _group(name, benches)
    target = PROJECT / "build" / "bench.json"
    if options.only is None:
        target.write_text(json.dumps(rows, indent=2) + "\n")
    if options.json:
        sys.stdout.write(json.dumps(rows) + "\n")
    else:
        _print(rows)
    return 0


def _group(name: str, benches: tuple[Callable[[Settings], Any], ...]) -> Rows:
    rows: Rows = []
    with staged(PROJECT / "build" / "bench") as settings:
        for bench in benches:
            sys.stderr.write(f"{name}: {bench.__name__.removeprefix('bench_')}\n")
            found = bench(settings)
            rows += found if isinstance(found, list) else [found]
    return rows


def _print(rows: Rows) -> None:
    table = Table(box=None, header_style="bold")
    titles = (
        "",
        "events/s",
        "bare loop, events/s",
        "ratio",
        "µs CPU an event",
        "of bare",
        "p99 ms",
    )
    for title in titles:
        table.add_column(title, justify="left" if not title else "right")
    for row in rows:
        bare = row.get("bare_events_per_s") or 0
        ratio = f"{row['events_per_s'] / bare:.2f}" if bare else ""
        p99, of_bare = row.get("p99_ms"), row.get("cpu_of_bare")
        table.add_row(
            row["name"],
            f"{row['events_per_s']:,}",
            f"{bare:,}" if bare else "",
            ratio,
            f"{row['cpu_us_per_event']:.1f}",
            f"{of_bare:.1f} ×" if of_bare else "",
            "" if p99 is None else f"{p99:,.1f}",
        )
    Console().print(table)
    for row in rows:
        if "flood_statuses" in row:
            for line in flood_lines(row):
                Console().print(line, highlight=False)
        if "conflicts" in row or "redis_bytes_per_id" in row:
            Console().print(contended_line(row), highlight=False)
        if "memory_growth_second_half" in row:
            growth = row["memory_growth_second_half"]
            Console().print(
                f"{row['name']}: p50 {row['p50_ms']:,.0f} ms, memory {growth:+.1%} in "
                "the second half"
            )


if __name__ == "__main__":
    sys.exit(main())
