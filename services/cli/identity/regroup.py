"""Has profile decide anew who is one person, wherever changed rules make a difference.

A record for each such component goes to touchpoints.accepted; what profile has decided on carries
the mark of the new rules, so killed and begun again this goes on where it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from schemas.topics import ACCEPTED
from services.cli.identity.reading import Reading, Unanswered
from services.cli.identity.tally import Tally
from services.cli.identity.walk import Stood, Watch, components, versions
from services.cli.letters.handled import publish
from services.cli.letters.ways import Sent
from services.common.failpoints import hit
from services.profile.domain.ids import uuid_text
from services.profile.domain.rule_change import change
from services.profile.domain.rules import Rules

#: Components that profile is asked for at once.
ASKED_MAX: Final = 2_000
#: So long may nothing happen before profile counts as not running.
PATIENCE_S: Final = 60.0
LOOK_EVERY_S: Final = 0.1
#: Walks over all components; another one is needed where profile decided by the former rules.
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
        raise Unanswered(
            "profile still decides by other rules: does it run with this workspace? "
            "(its metric rapport_workspace_info tells which version)"
        )

    def _wanted(self, watch: Watch, *, first: bool) -> Iterator[Stood]:
        rules, former = self._source.rules, self._former
        for stood in components(self._source.client, self._source.owner.name, watch):
            mark = stood.component.rules
            if mark == rules.mark:
                continue
            if former is not None and mark == former.mark:
                found = change(stood.component, former, rules)
                if not found.differs:
                    continue
                if first:
                    self.tally.add(found)
            yield stood

    def _ask(self, chunk: list[Stood]) -> None:
        workspace = self._source.owner.name
        publish(self._producer, [_record(workspace, stood.key) for stood in chunk])
        hit("regroup_sent")
        waiting = {stood.key: stood.version for stood in chunk}
        moved_at = time.monotonic()
        while waiting:
            now = versions(self._source.client, list(waiting))
            left = {key: version for key, version in waiting.items() if now.get(key) == version}
            if len(left) < len(waiting):
                moved_at = time.monotonic()
            waiting = left
            if waiting and time.monotonic() - moved_at > PATIENCE_S:
                raise Unanswered(
                    f"profile has left {len(waiting):,} components for {PATIENCE_S:g} s: does it "
                    "run? run `rapport identity apply` again, it goes on where it was"
                )
            if waiting:
                time.sleep(LOOK_EVERY_S)
        hit("regrouped")


def _record(workspace: str, component: bytes) -> Sent:
    value = json.dumps({"workspace": workspace, "component": component.hex()}).encode()
    key = f"rapport-control-{component.hex()}".encode()
    marks = [("rapport-control", b"regroup")]
    return Sent(ACCEPTED.name, key, value, marks, uuid_text(component))
