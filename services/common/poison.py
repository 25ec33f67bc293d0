"""What becomes of a record that no decision can be made on: a dead letter, and nothing else.

Where the handler suspects a few records, they are tried by themselves. Else it is found by deciding
on smaller and smaller parts of its batch in vain: that takes as long as one more decision on the
whole. To carry good parts through on the way took ten commits as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from schemas.dead_letter import Reason
from services.common.batch import Batch, Decision, Due, Record
from services.common.dead_letters import dead_letter

Piece = tuple[Sequence[Record], Sequence[Due]]
Fails = Callable[[Sequence[Record], Sequence[Due]], bool]

#: Where no record fails by itself, only several together: so many parts.
PIECES = 8


def pieces(
    records: Sequence[Record], due: Sequence[Due], fails: Fails, suspects: Sequence[Record] = ()
) -> list[Piece]:
    """What to carry through one after the other instead of a batch that failed, in its order.

    Records come before what is due. Of these: what lies before one that fails alone, it, and what
    lies after it (which may fail again); eighths if there is none. Each piece is smaller.
    `suspects`: some of the records.
    """
    if records and due:
        return [(records, ()), ((), due)]
    size = len(records) + len(due)
    at = _among(suspects, records, fails)
    if at is None:
        at = _failing(records, due, fails)
    if at is not None:
        return _cut(records, due, [0, at, at + 1, size])
    return _cut(records, due, [*range(0, size, -(-size // PIECES)), size])


def halves(records: Sequence[Record], due: Sequence[Due]) -> list[Piece]:
    """The same in two commits, in its order."""
    if records and due:
        return [(records, ()), ((), due)]
    size = len(records) + len(due)
    return _cut(records, due, [0, size // 2, size])


def _cut(records: Sequence[Record], due: Sequence[Due], cuts: Sequence[int]) -> list[Piece]:
    return [(records[a:b], due[a:b]) for a, b in pairwise(cuts) if a < b]


def _among(suspects: Sequence[Record], records: Sequence[Record], fails: Fails) -> int | None:
    """The place of the suspect that fails alone."""
    at = _failing(suspects, (), fails) if suspects else None
    return None if at is None else records.index(suspects[at])


def _failing(records: Sequence[Record], due: Sequence[Due], fails: Fails) -> int | None:
    """The only one left when the half that fails is halved again and again, if it fails alone."""
    low, high = 0, len(records) + len(due)
    while high - low > 1:
        middle = (low + high) // 2
        if fails(records[low:middle], due[low:middle]):
            high = middle
        else:
            low = middle
    return low if fails(records[low:high], due[low:high]) else None


def poisoned(service: str, batch: Batch) -> Decision:
    """The decision that keeps all of a batch aside."""
    decision = Decision()
    for record in (*batch.records, *map(_as_record, batch.due)):
        letter = dead_letter(
            record,
            service=service,
            workspace="unknown",
            reason=Reason.POISON,
            detail="no decision could be made on it; the service's log has the traceback",
            now_us=batch.taken_at_us,
        )
        decision.outputs.setdefault(record.partition, []).append(letter)
    return decision


def _as_record(due: Due) -> Record:
    """A due member in the shape of a record, so that its dead letter can keep it."""
    return Record("due", due.partition, due.at_us, due.member, due.member)
