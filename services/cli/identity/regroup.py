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
from services.cli.identity.reading import Reading, Unanswered
from services.cli.identity.tally import Tally
from services.cli.identity.walk import Stood, Watch, components, versions
from services.cli.letters.handled import publish
from services.cli.letters.ways import Sent
from services.cli.position import places_of
from services.common.failpoints import hit
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
        self.tally = Tally()
        self.asked = 0

    def run(self, watch: Watch) -> None:
        """Until nobody would look different. Unanswered: profile does not do its part."""
        for walk in range(WALKS_MAX):
            asked = 0
            wanted = self._wanted(watch, first=walk == 0)
            while chunk := list(islice(wanted, ASKED_MAX)):
                self._ask(chunk)
                asked += len(chunk)
            if not asked:
                return
            if walk == 0:
                self.asked = asked
        raise Unanswered(f"profile decides by several rules: {_WHICH}")

    def _wanted(self, watch: Watch, *, first: bool) -> Iterator[Stood]:
        rules, former, seen = self._source.rules, self._former, set[bytes]()
        for stood in components(self._source.client, self._source.owner.name, watch):
            mark = stood.component.rules
            if mark == rules.mark or stood.key in seen:
                continue
            if former is not None and mark == former.mark:
                found = change(stood.component, former, rules)
                if not found.differs:
                    continue
                if first:
                    self.tally.add(found)
            seen.add(stood.key)
            yield stood

    def _ask(self, chunk: list[Stood]) -> None:
        """Ask for these, and wait until profile has decided. Where it still did so by the former
        rules nothing has happened, and it is asked again."""
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
            stands = self._stands()
            if all(stands.get(partition, 0) >= end for partition, end in ends.items()):
                return
            if stands != seen:
                seen, moved_at = stands, time.monotonic()
            elif time.monotonic() - moved_at > PATIENCE_S:
                what = f"profile has read nothing for {PATIENCE_S:g} s: does it run? {_WHICH}"
                raise Unanswered(f"{what}\n{_AGAIN}")
            time.sleep(LOOK_EVERY_S)

    def _stands(self) -> dict[int, int]:
        """Where profile is in the log."""
        known = places_of(self._source.client, SERVICE)
        return {partition: place.offset or 0 for partition, place in known.items()}


_WHICH: Final = "its metric rapport_workspace_info tells which version it runs"
_AGAIN: Final = "then run `rapport identity apply` again, it goes on where it was"


def _record(workspace: str, component: bytes) -> Sent:
    value = json.dumps({"workspace": workspace, "component": component.hex()}).encode()
    key = f"rapport-control-{component.hex()}".encode()
    marks = [("rapport-control", b"regroup")]
    return Sent(ACCEPTED.name, key, value, marks, uuid_text(component))
