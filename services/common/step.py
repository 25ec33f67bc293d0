"""The atomic step: take a batch, decide, commit all of it or nothing, publish, check, free.

The five rules of the design are here; each has a comment `rule N` and a test that breaks with it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import replace

from services.common import slot
from services.common.batch import Batch, ByPartition, Decision, Due, Record, Undecidable, flat
from services.common.claim import claimed
from services.common.failpoints import hit
from services.common.gather import Gather
from services.common.poison import halves, pieces, poisoned
from services.common.ports import OUTAGES, Commit, Move, Parts, Place, Positions, Result
from services.common.relay import answer_of

log_to = logging.getLogger(__name__)

#: An offset that no record has.
NEVER = 1 << 63


class Step:
    """One worker's loop over its partitions. Call `run_once` for ever; `reset` after an outage."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._places: dict[int, Place] = {}
        self._assigned: Mapping[int, int] = {}
        self._full: set[int] = set()  # partitions whose slot may hold unchecked outputs
        # what is published and not compared yet: while it is here, its partition's slot is full
        self._unchecked: ByPartition = {}
        self._relaying: Future[ByPartition] | None = None
        self._membership: object = None  # that of the assignment we follow, whatever came since
        self._gather = Gather()
        self._verified_at_us = 0

    # -- the round ---------------------------------------------------------------------------

    def run_once(self) -> int:
        """Take what there is and carry it through; the number of records and due members done."""
        self._follow_assignment()
        self._verify()
        taken = self._parts.log.take(self._gather.wait_s())
        self._gather.taken(len(taken))
        # what was taken of a partition before it was (re)assigned will be read again from its place
        new = self._follow_assignment()
        begins = {p: place.offset or 0 for p, place in self._places.items() if p not in new}
        records = [r for r in taken if r.offset >= begins.get(r.partition, NEVER)]
        # what is due may be settled by a record that waits: the log comes first
        read = self._places.keys() & self._parts.log.at_end()
        due = self._parts.store.due(read, self._parts.now_us())
        if not records and not due:
            self.settle()
            return 0
        hit("after_read")
        if not self._carry(records, due):
            # all of it is read again, also what lay in other partitions than the one that moved:
            # a batch that was parted may have got no further than there
            self._adopt({record.partition for record in records} & self._places.keys())
        return len(records) + len(due)

    def settle(self) -> None:
        """With nothing to do: finish the relay, check it, free the slots."""
        self._finish_relay()
        if self._full or self._unchecked:
            self._commit(Batch((), (), self._parts.now_us()), Decision())

    def reset(self) -> None:
        """Forget what memory holds: Redis says where to go on (rule 4)."""
        self._relaying = None  # its slot will be relayed again, by a producer that fences this one
        self._unchecked.clear()  # that of their slots as well
        self._places.clear()
        self._full.clear()

    # -- partitions --------------------------------------------------------------------------

    def _follow_assignment(self) -> frozenset[int]:
        """Drop lost partitions, adopt new ones; the new ones."""
        before, self._assigned = self._assigned, self._parts.log.assigned()
        self._membership = self._parts.publisher.membership()
        for partition in list(self._places):
            if self._assigned.get(partition) != before.get(partition):
                del self._places[partition]
                self._full.discard(partition)
        # whoever has a partition now compares what its slot holds: we would do it unprotected
        for partition in self._unchecked.keys() - self._places.keys():
            del self._unchecked[partition]
        new = frozenset(self._assigned.keys() - self._places.keys())
        if new:
            self._adopt(new)
        return new

    def _verify(self) -> None:
        """Now and then: does every partition still stand where we left it?

        Who lost one may have committed after we adopted it, and was fenced when it published. Our
        next commit there would notice (rule 2a), but none may come: where nothing arrives any
        more, or only time has decided, what is in the slot would wait for ever.
        """
        now_us = self._parts.now_us()
        if not self._places or now_us - self._verified_at_us < self._parts.verify_every_us:
            return
        self._verified_at_us = now_us
        moved = self._parts.store.moved(self._places)
        if moved:
            self._adopt(moved)

    def _adopt(self, partitions: Collection[int]) -> None:
        """Take over: publish what the slots hold, then read on from where Redis says (rule 4)."""
        self._finish_relay()
        for partition in partitions:
            self._unchecked.pop(partition, None)
        places = claimed(self._parts.store, partitions)
        left = {p: slot.unpack(place.slot) for p, place in places.items() if place.slot}
        if left:
            self._publish(left, {p: place.offset or 0 for p, place in places.items()})
        for partition, place in places.items():
            start = self._parts.log.seek(partition, place.offset)
            self._places[partition] = replace(place, offset=start, slot=b"")
            if place.slot:
                self._full.add(partition)
            else:
                self._full.discard(partition)

    # -- deciding ----------------------------------------------------------------------------

    def _carry(self, records: Sequence[Record], due: Sequence[Due]) -> bool:
        """Decide and commit; a conflict decides again, an exception looks for the poison.

        False: another worker went on from here, and what was taken will be read again.
        """
        left = [(records, due)]
        while left:
            records, due = left.pop()
            batch = Batch(records, due, self._parts.now_us())
            decision = self._decided(batch)
            if isinstance(decision, Undecidable):
                if len(records) + len(due) > 1:
                    left += reversed(pieces(records, due, self._fails, decision.suspects))
                    continue
                decision = poisoned(self._parts.service, batch)
            result = self._commit(batch, decision)
            if result == "large":
                left += reversed(halves(records, due))
            elif result == "conflict":
                self._parts.observer.conflicted()
                left.append((records, due))
            elif result != "done":
                return False
        return True

    def _decided(self, batch: Batch) -> Decision | Undecidable:
        """Or whom the handler suspects, when no decision can be made on these records together."""
        try:
            return self._parts.handler.decide(batch)
        except OUTAGES:
            raise
        except Exception as error:
            size = len(batch.records) + len(batch.due)
            level = logging.ERROR if size == 1 else logging.INFO
            log_to.log(level, "no decision on %d records", size, exc_info=size == 1)
            # a new one: the traceback of what was raised holds all that the decision had loaded
            return Undecidable(error.suspects if isinstance(error, Undecidable) else ())

    def _fails(self, records: Sequence[Record], due: Sequence[Due]) -> bool:
        """Only to see whether a decision can be made: nothing comes of it."""
        return isinstance(self._decided(Batch(records, due, self._parts.now_us())), Undecidable)

    # -- committing --------------------------------------------------------------------------

    def _commit(self, batch: Batch, decision: Decision) -> Result:
        """Commit and start the relay; when places have moved, read all of them anew."""
        self._finish_relay()
        hit("before_next_commit")
        for due in batch.due:
            decision.due.setdefault((due.partition, due.member), None)
        moves, result = self._sent(batch, decision)
        if result == "moved":
            # rule 2a: another worker went on from here, or Redis lost the end of its log
            self._adopt([move.partition for move in moves])
        if result != "done":
            return result
        hit("after_commit")
        decision.committed()
        self._unchecked.clear()
        self._places.update({move.partition: move.after for move in moves})
        self._full = {move.partition for move in moves if move.after.slot}
        self._start_relay(batch, decision, moves)
        return "done"

    def _sent(self, batch: Batch, decision: Decision) -> tuple[list[Move], Result]:
        """Behind a backlog, the next records are taken and prepared while Redis is at it."""
        if not self._parts.log.has_more():
            return self._committed(batch, decision)
        answer = self._parts.relay.submit(self._committed, batch, decision)
        try:
            ahead = self._parts.log.take_ahead()
            with suppress(Exception):  # it fails again where it is decided on
                self._parts.handler.prepare(ahead)
        finally:
            wait([answer])
        return answer.result()

    def _committed(self, batch: Batch, decision: Decision) -> tuple[list[Move], Result]:
        """Rule 3: a slot is overwritten only when what it held is the newest on the topic."""
        moves = self._moves(batch, decision)
        while True:
            checks = flat(self._unchecked)
            outcome = self._parts.store.commit(Commit(moves, checks, decision))
            if outcome.result != "stale":
                return moves, outcome.result
            self._send_newest({id(checks[index]) for index in outcome.found})

    def _moves(self, batch: Batch, decision: Decision) -> list[Move]:
        """The partitions of the batch, and those whose slot is published and can be freed."""
        nexts = {record.partition: record.offset + 1 for record in batch.records}
        touched = nexts.keys() | {due.partition for due in batch.due} | self._full
        moves = []
        for partition in sorted(touched & self._places.keys()):
            before = self._places[partition]
            packed = slot.pack(decision.outputs.get(partition, ()))
            after = Place(nexts.get(partition, before.offset), before.commits + 1, packed)
            moves.append(Move(partition, before, after))
        return moves

    # -- publishing --------------------------------------------------------------------------

    def _start_relay(self, batch: Batch, decision: Decision, moves: Sequence[Move]) -> None:
        outputs = flat(decision.outputs)
        self._parts.observer.committed(batch, outputs)
        if not outputs:
            self._parts.observer.settled()
            return
        positions = {move.partition: move.after.offset or 0 for move in moves}
        self._relaying = self._parts.relay.submit(
            self._relay, decision.outputs, positions, self._membership
        )

    def _relay(self, outputs: ByPartition, positions: Positions, member: object) -> ByPartition:
        hit("before_produce")
        self._parts.publisher.publish(flat(outputs), positions, member)
        return outputs

    def _finish_relay(self) -> None:
        """Wait until the last commit's outputs are acknowledged, else PublishFailed."""
        if self._relaying is None:
            return
        relaying, self._relaying = self._relaying, None
        self._remember_published(answer_of(relaying))

    def _publish(self, outputs: ByPartition, positions: Positions) -> None:
        publish = self._parts.publisher.publish
        answer_of(self._parts.relay.submit(publish, flat(outputs), positions, self._membership))
        self._remember_published(outputs)

    def _remember_published(self, outputs: ByPartition) -> None:
        self._parts.observer.published(flat(outputs))
        for partition, published in outputs.items():
            if watched := [output for output in published if output.watch is not None]:
                self._unchecked.setdefault(partition, []).extend(watched)

    def _send_newest(self, stale: set[int]) -> None:
        """Another worker's newer snapshot may have been published before ours: send it again.

        `stale`: the identities of unchecked outputs. They stay until the newest are published.
        """
        newest: ByPartition = {}
        for partition, outputs in self._unchecked.items():
            if old := [output for output in outputs if id(output) in stale]:
                newest[partition] = self._parts.handler.newest(old)
        self._parts.observer.resent(flat(newest))
        self._publish(newest, {p: place.offset or 0 for p, place in self._places.items()})
        for outputs in self._unchecked.values():
            outputs[:] = [output for output in outputs if id(output) not in stale]
