"""Many letters sent again or given up: page by page, first the records, then that it was done.

Killed anywhere it can be run again: what was sent and not noted is sent a second time under the
same ids, and dropped as a repeat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from schemas.letter_handled import Handling
from services.cli.letters.back import Held, Sent, back
from services.cli.letters.handled import Run, handled, now, publish
from services.cli.letters.letter import Letter, Which, among, letters_of
from services.cli.letters.mend import Operation
from services.cli.query import asked
from services.common.failpoints import hit
from services.common.masking import masked
from services.ingest.keys import Doors

#: The profile service remembers ids for seven days at least; of older calls the columns are asked.
REMEMBERED: Final = timedelta(days=6)
EXAMPLES_MAX: Final = 3
_ARRIVED: Final = "SELECT toString(event_id) FROM touchpoints WHERE"
#: Of a query's text ClickHouse reads 256 KB.
IDS_MAX: Final = 5_000
#: Called with the number of letters that are done.
Progress = Callable[[int], object]


@dataclass
class Tally:
    """What became of letters. `held`: by reason; `examples`: of each a few, masked."""

    letters: int = 0
    passed: int = 0
    records: int = 0
    arrived: int = 0
    held: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def hold(self, letter: Letter, held: Held) -> None:
        """Count one that stays where it is."""
        self.held[held.reason] += 1
        of_reason = self.examples.setdefault(held.reason, [])
        if len(of_reason) < EXAMPLES_MAX:
            of_reason.append(f"{letter.id} {masked(held.detail)}")


@dataclass(frozen=True)
class Mend:
    """How letters are made good, and who judges whether they are."""

    rule: Sequence[Operation]
    doors: Doors


@dataclass
class Plan:
    """What to publish for some letters, and those it is all for."""

    records: list[Sent] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)


def rehearse(pages: Sequence[Which], mend: Mend, progress: Progress) -> Tally:
    """What `redrive` would do; nothing is sent."""
    tally = Tally()
    for page in pages:
        _planned(page, mend, tally)
        progress(len(page.ids))
    return tally


def redrive(
    pages: Sequence[Which], mend: Mend, run: Run, producer: Any, progress: Progress
) -> Tally:
    """Send those that the door would let in now; the others stay open. NotPublished."""
    tally = Tally()
    for page in pages:
        send(_planned(page, mend, tally), run, producer)
        progress(len(page.ids))
    return tally


def send(plan: Plan, run: Run, producer: Any) -> None:
    """The records first: a letter that is noted as sent has been. NotPublished."""
    publish(producer, plan.records)
    hit("redriven_before_noted")
    done = now()
    publish(producer, [handled(one, Handling.REDRIVEN, run, done) for one in plan.letters])


def discard(pages: Sequence[Which], run: Run, producer: Any, progress: Progress) -> Tally:
    """Note that they are given up. Nothing is deleted. NotPublished."""
    tally = Tally()
    for page in pages:
        letters = list(letters_of(page))
        done = now()
        publish(producer, [handled(one, Handling.DISCARDED, run, done) for one in letters])
        tally.letters += len(letters)
        tally.passed += len(letters)
        progress(len(page.ids))
    return tally


def planned(
    letters: Iterator[tuple[Letter, list[Sent] | Held]], tally: Tally, moment: datetime
) -> Plan:
    """What to publish: not what the door refuses, nor what is in the columns by another way."""
    pairs = list(letters)
    old = [
        record.event_id
        for letter, sent in pairs
        if not isinstance(sent, Held) and _received_at(letter) < moment - REMEMBERED
        for record in sent
    ]
    there = _arrived(old)
    plan = Plan()
    for letter, sent in pairs:
        tally.letters += 1
        if isinstance(sent, Held):
            tally.hold(letter, sent)
            continue
        new = [record for record in sent if record.event_id not in there]
        tally.arrived += len(sent) - len(new)
        tally.passed += 1
        tally.records += len(new)
        plan.letters.append(letter)
        plan.records += new
    return plan


def _planned(page: Which, mend: Mend, tally: Tally) -> Plan:
    moment = now()
    pairs = ((one, back(one, mend.rule, mend.doors, moment)) for one in letters_of(page))
    return planned(pairs, tally, moment)


def _received_at(letter: Letter) -> datetime:
    return letter.way.received_at if letter.way else letter.at


def _arrived(ids: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for first in range(0, len(ids), IDS_MAX):
        _, rows = asked(f"{_ARRIVED} {among(ids[first : first + IDS_MAX])}")
        found |= {id for (id,) in rows}
    return frozenset(found)
