"""Many letters sent again or given up: page by page, first the records, then that it was done.

Killed anywhere it can be run again: what was sent and not noted is sent a second time under the
same ids, and dropped as a repeat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from schemas import topics
from schemas.letter_handled import Handling
from services.cli.letters.back import back
from services.cli.letters.handled import Run, handled, now, publish
from services.cli.letters.letter import Letter, Which, among, letters_of
from services.cli.letters.mend import Operation
from services.cli.letters.newest import DELETED, newer_than, settle
from services.cli.letters.ways import Back, Held, Resend, Sent, Snapshot, Suppressed
from services.cli.letters.webhooks import Webhooks
from services.cli.query import asked
from services.common.failpoints import hit
from services.common.masking import masked
from services.common.settings import Settings
from services.ingest.keys import Doors

#: The profile service remembers ids for seven days at least; of older calls the columns are asked.
REMEMBERED: Final = timedelta(days=6)
EXAMPLES_MAX: Final = 3
#: What becomes a row of touchpoints by its event id.
TOUCHPOINTS: Final = {topics.INBOUND.name, topics.ACCEPTED.name, topics.RESOLVED.name}
_ARRIVED: Final = "SELECT toString(event_id) FROM touchpoints WHERE"
#: Of a query's text ClickHouse reads 256 KB.
IDS_MAX: Final = 5_000
#: Called with the number of letters that are done.
Progress = Callable[[int], object]


@dataclass
class Tally:
    """What became of letters. `held`: by reason; `examples`: of each a few, masked. `suppressed`:
    done with, since somebody in them must not get in."""

    letters: int = 0
    passed: int = 0
    suppressed: int = 0
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
    """How letters are made good, who judges whether they are, and where the engines are."""

    rule: Sequence[Operation]
    doors: Doors
    settings: Settings


@dataclass
class Plan:
    """What to do for some letters, and those it is all for."""

    records: list[Sent] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    webhooks: list[Resend] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    suppressed: list[Letter] = field(default_factory=list)


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
        send(_planned(page, mend, tally), run, producer, mend.settings)
        progress(len(page.ids))
    return tally


def send(plan: Plan, run: Run, producer: Any, settings: Settings) -> None:
    """The records first: a letter that is noted as sent has been. NotPublished."""
    publish(producer, plan.records)
    places = publish(producer, [one.sent for one in plan.snapshots])
    settle(settings, list(zip(plan.snapshots, places, strict=True)), partial(publish, producer))
    webhooks = Webhooks(settings)
    for one in plan.webhooks:
        webhooks.resend(one)
    hit("redriven_before_noted")
    done = now()
    notes = [handled(one, Handling.REDRIVEN, run, done) for one in plan.letters]
    notes += [handled(one, Handling.SUPPRESSED, run, done) for one in plan.suppressed]
    publish(producer, notes)


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


def planned(letters: Iterable[tuple[Letter, Back]], tally: Tally, moment: datetime) -> Plan:
    """What to do: not what the door refuses, nor what is in the columns by another way."""
    pairs = list(letters)
    old = [
        record.event_id
        for letter, way in pairs
        if isinstance(way, list) and _received_at(letter) < moment - REMEMBERED
        for record in way
        if record.topic in TOUCHPOINTS
    ]
    there = _arrived(old)
    plan = Plan()
    for letter, way in pairs:
        tally.letters += 1
        if isinstance(way, Held):
            tally.hold(letter, way)
            continue
        if isinstance(way, Suppressed):
            tally.suppressed += 1
            plan.suppressed.append(letter)
            continue
        tally.passed += 1
        plan.letters.append(letter)
        if isinstance(way, Snapshot):
            plan.snapshots.append(way)
        elif isinstance(way, Resend):
            plan.webhooks.append(way)
        else:
            new = [record for record in way if record.event_id not in there]
            tally.arrived += len(way) - len(new)
            plan.records += new
    tally.records += len(plan.records) + len(plan.snapshots) + len(plan.webhooks)
    return plan


def _planned(page: Which, mend: Mend, tally: Tally) -> Plan:
    moment = now()
    pairs = [(one, back(one, mend.rule, mend.doors, moment)) for one in letters_of(page)]
    return planned(_possible(pairs, mend.settings), tally, moment)


def _possible(
    pairs: Sequence[tuple[Letter, Back]], settings: Settings
) -> Iterator[tuple[Letter, Back]]:
    """Without what a newer record has overtaken, and what deliver does not keep any more."""
    newer = newer_than(settings, [way for _, way in pairs if isinstance(way, Snapshot)])
    webhooks = Webhooks(settings)
    for letter, way in pairs:
        held: Held | None = None
        if isinstance(way, Resend):
            held = webhooks.held(way)
        elif isinstance(way, Snapshot):
            held = _overtaken(way, newer.get(way.key, 0))
        yield letter, held or way


def _overtaken(one: Snapshot, version: int) -> Held | None:
    if version <= one.version:
        return None
    if version == DELETED:
        return Held("overtaken", f"{one.sent.topic} forgot it since, on purpose; discard it")
    return Held(
        "overtaken",
        f"{one.sent.topic} has version {version} of it by now and this is {one.version}: nothing is"
        " missing, and it would hide the newer one; discard it",
    )


def _received_at(letter: Letter) -> datetime:
    return letter.way.received_at if letter.way else letter.at


def _arrived(ids: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for first in range(0, len(ids), IDS_MAX):
        _, rows = asked(f"{_ARRIVED} {among(ids[first : first + IDS_MAX])}")
        found |= {id for (id,) in rows}
    return frozenset(found)
