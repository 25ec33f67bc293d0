"""Has profile decide anew who is one person, wherever changed rules make a difference.

A record for each such component goes to touchpoints.accepted; what profile has decided on carries
the mark of the new rules, so killed and begun again this goes on where it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from schemas.topics import ACCEPTED
from services.cli.identity.alike import CLOCKS_APART_US, alike_by, note
from services.cli.identity.reading import Reading, Unanswered
from services.cli.identity.tally import Tally
from services.cli.identity.walk import Stood, Watch, components, versions
from services.cli.letters.handled import publish
from services.cli.letters.ways import Sent
from services.common.failpoints import hit
from services.common.redis_store import RedisStore
from services.profile.domain.ids import uuid_text
from services.profile.domain.rule_change import change
from services.profile.domain.rules import Rules
from services.profile.stream import SERVICE

#: Components that profile is asked for at once.
ASKED_MAX: Final = 2_000
#: So long may profile stand still before it counts as not running.
PATIENCE_S: Final = 30.0
#: profile follows the workspace within three seconds.
AGAIN_AFTER_S: Final = 1.0
TIMES_MAX: Final = 15
LOOK_EVERY_S: Final = 0.1
#: Walks over all components: what came meanwhile is found by another one.
WALKS_MAX: Final = 5


class Regrouping:
    """`former`: the rules before those of `source`, so that whoever looks alike is left alone."""

    def __init__(self, source: Reading, producer: Any, former: Rules | None) -> None:
        self._source = source
        self._producer = producer
        self._former = former
        self._places = RedisStore(source.client, SERVICE)
        name = source.owner.name
        self._alike = {} if former is None else alike_by(source.client, name, former)
        self._just_asked = frozenset[bytes]()
        self.tally = Tally()
        self.asked = 0

    def run(self, watch: Watch) -> None:
        """Until nobody would look different. Unanswered: profile does not do its part."""
        began_us, asked = time.time_ns() // 1_000, 0
        for walk in range(WALKS_MAX):
            asked, wanted = 0, self._wanted(watch, first=walk == 0)
            self._just_asked = frozenset()
            while chunk := _next(wanted):
                self._ask(chunk)
                asked += len(chunk)
                self._just_asked = frozenset(stood.key for stood in chunk)
            if not asked:
                self._note(began_us - CLOCKS_APART_US)
                return
            if walk == 0:
                self.asked = asked
        raise Unanswered(f"profile decides by several rules: {_WHICH}")

    def _wanted(self, watch: Watch, *, first: bool) -> Iterator[Stood]:
        """Who has to be decided on. Whoever Redis gives twice has been by then, unless they stand
        in the chunk that is being made, or were read while the last one was."""
        rules, former = self._source.rules, self._former
        for stood in components(self._source.client, self._source.owner.name, watch):
            if stood.component.rules == rules.mark or stood.key in self._just_asked:
                continue
            if former is not None and self._looks_as_by(former, stood):
                found = change(stood.component, former, rules)
                if not found.differs:
                    continue
                stood = stood._replace(change=found if first else None)
            yield stood

    def _looks_as_by(self, former: Rules, stood: Stood) -> bool:
        mark = stood.component.rules
        return mark == former.mark or stood.version < self._alike.get(mark, 0)

    def _note(self, below_us: int) -> None:
        """Who was left alone looks as by the rules in force; who came later may not."""
        rules, former, name = self._source.rules, self._former, self._source.owner.name
        alike = alike_by(self._source.client, name, rules)
        if former is not None:
            alike = {former.mark: below_us} | self._alike | alike
        note(self._source.client, name, rules, alike)

    def _ask(self, chunk: list[Stood]) -> None:
        """Ask for these, and wait until profile has decided. Where it still did so by the former
        rules nothing has happened, and it is asked again."""
        for stood in chunk:
            if stood.change is not None:
                self.tally.add(stood.change)
        waiting = {stood.key: stood.version for stood in chunk}
        for _ in range(TIMES_MAX):
            self._until_read(self._send(waiting))
            now = versions(self._source.client, list(waiting))
            waiting = {key: version for key, version in waiting.items() if now.get(key) == version}
            if not waiting:
                hit("regrouped")
                return
            time.sleep(AGAIN_AFTER_S)
        raise Unanswered(f"profile still decides by other rules: {_WHICH}")

    def _send(self, waiting: Iterable[bytes]) -> dict[int, int]:
        """The end of what was sent, by partition."""
        workspace = self._source.owner.name
        places = publish(self._producer, [_record(workspace, key) for key in waiting])
        hit("regroup_sent")
        return {partition: offset + 1 for partition, offset in sorted(places)}

    def _until_read(self, ends: dict[int, int]) -> None:
        """Until profile has committed all before these ends; behind a backlog it takes its time."""
        seen, moved_at = dict[int, int](), time.monotonic()
        while True:
            stands = self._places.offsets(ends)
            if all(stands[partition] >= end for partition, end in ends.items()):
                return
            if stands != seen:
                seen, moved_at = stands, time.monotonic()
            elif time.monotonic() - moved_at > PATIENCE_S:
                what = f"profile has read nothing for {PATIENCE_S:g} s: does it run? {_WHICH}"
                raise Unanswered(f"{what}\n{_AGAIN}")
            time.sleep(LOOK_EVERY_S)


def _next(wanted: Iterator[Stood]) -> list[Stood]:
    """Some of them, each once."""
    return list({stood.key: stood for stood in islice(wanted, ASKED_MAX)}.values())


_WHICH: Final = "its metric rapport_workspace_info tells which version it runs"
_AGAIN: Final = "then run `rapport identity apply` again, it goes on where it was"


def _record(workspace: str, component: bytes) -> Sent:
    value = json.dumps({"workspace": workspace, "component": component.hex()}).encode()
    key = f"rapport-control-{component.hex()}".encode()
    marks = [("rapport-control", b"regroup")]
    return Sent(ACCEPTED.name, key, value, marks, uuid_text(component))
