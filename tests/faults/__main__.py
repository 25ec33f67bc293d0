"""make faults: kill everything at every point, then compare with the reference."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tests.faults.run import PROJECT, chaotic_run, rebuild_run, rollback_run


def main() -> int:
    """0 when nothing was lost, doubled or different, nobody survived, the comparison is proven."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--customers", type=int, default=400)
    parser.add_argument("--only", choices=("chaos", "rollback", "rebuild"))
    options = parser.parse_args()
    home = PROJECT / "build" / "faults"
    report: dict[str, object] = {"seed": options.seed}
    if options.only in (None, "chaos"):
        report |= chaotic_run(
            home, customers=options.customers, kills=options.kills, seed=options.seed, say=say
        )
        _write(report)
    if options.only in (None, "rebuild"):
        report["rebuild"] = rebuild_run(
            home,
            customers=options.customers,
            kills=max(4, options.kills // 10),
            seed=options.seed,
            say=say,
        )
        _write(report)
    if options.only in (None, "rollback"):
        report["rollback"] = rollback_run(
            home, customers=options.customers, seed=options.seed, say=say
        )
    _write(report)
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0 if _is_good(report) else 1


def _write(report: dict[str, object]) -> None:
    """After each run, so that a fault of the second does not hide the first."""
    Path(PROJECT / "build" / "faults.json").write_text(json.dumps(report, indent=2) + "\n")


def _is_good(report: dict[str, object]) -> bool:
    runs = [report, report.get("rollback", {}), report.get("rebuild", {})]
    clean = all(not run.get(what) for run in runs for what in COUNTS)  # type: ignore[attr-defined]
    proof = report.get("proof", {"": 1})
    return clean and all(proof.values())  # type: ignore[attr-defined]


COUNTS = ("lost", "doubled", "mismatches", "failpoints_missed")


def say(what: str) -> None:
    """Progress for people, on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {what}\n")


if __name__ == "__main__":
    sys.exit(main())
