"""python -m tests.faults.ingest: kill it under load; what was answered 200 is in the log."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from deploy.embedded.engines import start_engines
from services.common.clients import ensure_topics
from services.common.settings import Settings
from tests.faults.kills import Kafka, Plan, killed_under_load
from tests.faults.log import Found
from tests.faults.senders import Ledger

PROJECT: Final = Path(__file__).parents[2]
KILLS: Final = 50
#: What must be none; the rest is told.
FAULTS: Final = ("missing", "misplaced", "renamed", "strangers", "other_answers")


def report(plan: Plan, ledger: Ledger, deaths: Counter[str], found: Found) -> dict[str, Any]:
    """Counts of events. Those in FAULTS are none when the guarantee holds.

    missing: answered 200 and nowhere. misplaced: accepted and refused as well. renamed: its
    repeats have another event id. strangers: nobody sent them.
    """
    logged = found.accepted.keys() | found.dead_letters.keys()
    records = [*found.accepted.values(), *found.dead_letters.values()]
    missing = sorted(ledger.answered - logged)
    return {
        "seed": plan.seed,
        "kills": sum(deaths.values()),
        "ways": dict(sorted(deaths.items())),
        "requests": ledger.requests,
        "cut_connections": ledger.cuts,
        "answered_503": ledger.busy,
        "sent": len(ledger.sent),
        "answered": len(ledger.answered),
        "never_answered": len(ledger.sent - ledger.answered),
        "never_answered_in_log": len((logged & ledger.sent) - ledger.answered),
        "accepted": len(found.accepted),
        "dead_letters": len(found.dead_letters),
        "in_log_again": sum(len(copies) > 1 for copies in records),
        "missing": len(missing),
        "misplaced": len(found.accepted.keys() & found.dead_letters.keys()),
        "renamed": sum(len(set(copies)) > 1 for copies in records),
        "strangers": len(logged - ledger.sent),
        "other_answers": len(ledger.other_answers),
        "first_missing": missing[:5],
    }


def holds(result: dict[str, Any]) -> bool:
    """Whether the guarantee held, and something was there to be lost."""
    return not any(result[fault] for fault in FAULTS) and result["answered"] > 0


def kill_run(home: Path, plan: Plan) -> dict[str, Any]:
    """The whole of it, on engines of its own."""
    with _kafka(home) as kafka:
        ledger, deaths, found = asyncio.run(killed_under_load(plan, kafka, home, say))
    return report(plan, ledger, deaths, found)


@contextmanager
def _kafka(home: Path) -> Iterator[Kafka]:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    engines = start_engines(home)
    try:
        ensure_topics(Settings(kafka=engines.kafka, home=home))
        yield Kafka(engines.kafka, lambda: engines.pause("kafka"), lambda: engines.resume("kafka"))
    finally:
        engines.stop()


def printed(result: dict[str, Any]) -> str:
    """For people: aligned, and what holds comes last."""
    ways = ", ".join(f"{many} × {way}" for way, many in result["ways"].items())
    lines = [
        ("kills of ingest", result["kills"], ways),
        ("connections cut", result["cut_connections"], "their requests went again, same ids"),
        ("events sent", result["sent"], f"in {result['requests']:,} requests"),
        ("answered 200", result["answered"], ""),
        ("never answered", result["never_answered"], "their senders gave up"),
        ("... in the log", result["never_answered_in_log"], ""),
        ("accepted", result["accepted"], ""),
        ("dead letters", result["dead_letters"], ""),
        ("in the log again", result["in_log_again"], "repeats: profile drops them by message id"),
    ]
    lines += [(fault.replace("_", " "), result[fault], "") for fault in FAULTS]
    table = [f"{name:<18}{many:>12,}  {note}".rstrip() for name, many, note in lines]
    verdict = "holds: every event that was answered 200 is in the log"
    if not holds(result):
        verdict = f"DOES NOT HOLD (--seed {result['seed']}): {result['first_missing']}"
    return "\n".join([*table, verdict])


def main() -> int:
    """0 when nothing that was answered 200 is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.ingest", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--processes", type=int, default=2, help="of ingest, on one port")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    plan = Plan(options.kills, options.seed, options.processes)
    result = kill_run(PROJECT / "build" / "faults-ingest", plan)
    sys.stdout.write((json.dumps(result) if options.json else printed(result)) + "\n")
    return 0 if holds(result) else 1


def say(what: str) -> None:
    """Progress for people, on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {what}\n")


if __name__ == "__main__":
    sys.exit(main())
