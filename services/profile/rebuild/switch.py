"""What the rebuild writes: the units that differ, as the shadow has them, in atomic steps.

It is a handler of the step like profile itself. Its records are ids to look at; its place and its
outbox slot are those of the service "rebuild", so that a kill leaves nothing half done: what was
committed is published by the next run, and what was not is found to differ again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import redis

from services.common.batch import Batch, Decision, Output, Record
from services.common.ports import OUTAGES, Gap, StoreGone
from services.profile.outputs import Publications
from services.profile.rebuild.compare import Compared, Comparing, Differing
from services.profile.rebuild.differences import Tally
from services.profile.rebuild.taking_over import taken_over
from services.profile.rebuild.units import Id
from services.profile.stream import ProfileHandler

PARTITION: Final = 0
#: Units written by one commit: few enough that profile seldom changes one of them meanwhile.
WRITTEN_AT_ONCE: Final = 100
#: How often a unit may change under our hands before it is left to another run.
TRIES_MAX: Final = 200


class Switch:
    """`comparing` knows both sides; `live` answers for snapshots that a newer one overtook."""

    def __init__(
        self, comparing: Comparing, live: ProfileHandler, publications: Publications
    ) -> None:
        self._comparing = comparing
        self._live = live
        self._show = publications
        self._again: list[Id] = []
        self._tries: dict[Id, int] = {}
        self._most = WRITTEN_AT_ONCE
        self._deciding: Sequence[Record] = ()
        self.tally = Tally()
        self.left: set[Id] = set()
        self.written = 0
        self.published = 0

    def taken_again(self) -> list[Id]:
        """What changed while it was compared, or was too much for one commit."""
        again, self._again = self._again, []
        return again

    def prepare(self, records: Sequence[Record]) -> None:
        """Nothing depends on the records alone."""

    def newest(self, stale: Sequence[Output]) -> list[Output]:
        try:
            return self._live.newest(stale)
        except redis.RedisError as error:
            raise StoreGone(f"Redis (RAPPORT_REDIS): {error}") from error

    def decide(self, batch: Batch) -> Decision:
        """Compare what the records name, and write what differs."""
        self._fewer_if_again(batch.records)
        try:
            return self._decided(batch)
        except redis.RedisError as error:
            raise StoreGone(f"Redis (RAPPORT_REDIS, --shadow): {error}") from error
        except OUTAGES:
            raise
        except Exception as error:  # no record is to blame: the step must not look for one
            raise Gap(f"the rebuild can not go on: {error!r}") from error

    def _decided(self, batch: Batch) -> Decision:
        compared = self._comparing.compare([record.value for record in batch.records])
        decision, outputs = Decision(), list[Output]()
        now, later = compared.differing[: self._most], compared.differing[self._most :]
        for one in now:
            outputs += taken_over(one, decision, batch.taken_at_us, self._show)
        if outputs:
            decision.outputs[PARTITION] = outputs
        again = [*compared.moved, *(min(one.unit.ids) for one in later)]
        decision.committed = self._committing(compared, again, now, len(outputs))
        return decision

    def _fewer_if_again(self, records: Sequence[Record]) -> None:
        """The same records again: the commit met a conflict. Less at once meets fewer."""
        if records and records == self._deciding:
            self._most = max(1, self._most // 2)
        else:
            self._again += [record.value for record in self._deciding]  # nothing came of them
            self._most = min(WRITTEN_AT_ONCE, self._most * 2)
        self._deciding = list(records)

    def _committing(
        self, compared: Compared, again: list[Id], now: Sequence[Differing], outputs: int
    ) -> Callable[[], None]:
        def committed() -> None:
            self._deciding = ()
            self.tally.add(compared.same)
            for one in now:
                self.tally.note(one.found)
            self.written += len(now)
            self.published += outputs
            self._look_again(again)

        return committed

    def _look_again(self, ids: Sequence[Id]) -> None:
        for one in ids:
            self._tries[one] = self._tries.get(one, 0) + 1
            if self._tries[one] < TRIES_MAX:
                self._again.append(one)
            else:
                self.left.add(one)
