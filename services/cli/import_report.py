"""What an import, or its rehearsal, tells: counts, examples, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from schemas.dead_letter import DeadLetter
from services.common.masking import masked
from services.ingest.importing import Judge
from services.ingest.letters import Verdict
from services.ingest.row_files import NumberedRow
from services.ingest.tally import Progress, Tally

EXAMPLES_MAX: Final = 3
REFUSALS_MAX: Final = 5
#: Of the envelope: what the mapping has made.
_SHOWN: Final = ("message_id", "occurred_at", "identifiers", "channel", "properties")
#: Values that name a person, or are more likely to than not.
_PERSONAL: Final = frozenset(
    {"email", "phone", "name", "first_name", "last_name", "firstname", "lastname", "firstName",
     "lastName", "address", "birthday"}
)  # fmt: skip


class DryRun:
    """Goes through a file and remembers its counts, the first examples and the first refusals."""

    def __init__(self, judge: Judge, now: datetime) -> None:
        self.tally = Tally()
        self._judge = judge
        self._now = now
        self._examples: list[dict[str, Any]] = []
        self._refusals: list[str] = []

    def take(self, rows: Sequence[NumberedRow]) -> None:
        """Judge some rows."""
        verdicts = self._judge.verdicts(rows, self._now)
        self.tally += Tally.of(verdicts, len(rows))
        for verdict in verdicts:
            if verdict.suppressed is not None:
                continue
            if verdict.reason is None and len(self._examples) < EXAMPLES_MAX:
                self._examples.append(_example(verdict))
            elif verdict.reason is not None and len(self._refusals) < REFUSALS_MAX:
                letter = DeadLetter.model_validate_json(verdict.output.value)
                self._refusals.append(masked(f"{letter.reason}: {letter.detail}"))

    def as_object(self) -> dict[str, Any]:
        """For scripts."""
        counts = _counts(self.tally)
        return counts | {"dry_run": True, "examples": self._examples, "refusals": self._refusals}

    def print(self) -> None:
        """For people."""
        console = Console(highlight=False, soft_wrap=True)
        console.print(_table(self.tally))
        for example in self._examples:
            console.print(json.dumps(example, ensure_ascii=False), markup=False)
        for refusal in self._refusals:
            console.print(refusal, markup=False, style="red")
        console.print("nothing was sent; without --dry-run it is")


def as_object(done: Progress, judge: Judge, news: bool) -> dict[str, Any]:
    """For scripts. `news`: whether this run sent anything."""
    counts = _counts(done.tally)
    return counts | {"dry_run": False, "sent_now": news, "source": judge.door.sender.source}


def report(done: Progress, judge: Judge, news: bool) -> None:
    """For people."""
    console = Console(highlight=False, soft_wrap=True)
    if not news:
        console.print("this file has gone through already, and nothing was sent; --again sends it")
    console.print(_table(done.tally))
    if done.tally.refused:
        source = judge.door.sender.source
        console.print(f"refused rows: rapport dead-letters list --source {source}")
        console.print("mend the mapping or the rows, and import again: repeats are dropped")
    else:
        console.print('see it: rapport query "SELECT kind, count() FROM touchpoints GROUP BY 1"')


def say_json(content: dict[str, Any]) -> None:
    """One object on standard output."""
    typer.echo(json.dumps(content, ensure_ascii=False))


def _counts(tally: Tally) -> dict[str, Any]:
    return {
        "rows": tally.rows,
        "accepted": tally.accepted,
        "refused": tally.refused,
        "passed_over": tally.passed_over,
        "suppressed": tally.suppressed,
    }


def _table(tally: Tally) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("rows read", f"{tally.rows:,}")
    for kind, rows in sorted(tally.accepted.items()):
        table.add_row(f"accepted, {kind}", f"{rows:,}")
    for reason, rows in sorted(tally.refused.items()):
        table.add_row(f"refused, {reason}", f"{rows:,}")
    if tally.passed_over:
        table.add_row("passed over (only)", f"{tally.passed_over:,}")
    if tally.suppressed:
        table.add_row("suppressed, nothing is kept", f"{tally.suppressed:,}")
    return table


def _example(verdict: Verdict) -> dict[str, Any]:
    envelope = msgspec.json.decode(verdict.output.value)
    shown: dict[str, Any] = _without_names({name: envelope[name] for name in _SHOWN})
    return shown


def _without_names(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, list):
        return [_without_names(one) for one in value]
    if isinstance(value, dict):
        return {
            name: "***" if name in _PERSONAL and isinstance(one, str) else _without_names(one)
            for name, one in value.items()
        }
    return value
