"""What becomes of a record that no decision can be made on: a dead letter, and nothing else.

It is found by deciding on smaller and smaller parts of its batch in vain: that takes as long as
one more decision on the whole. To carry good parts through on the way took ten commits as long.
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


def pieces(records: Sequence[Record], due: Sequence[Due], fails: Fails) -> list[Piece]:
    """What to carry through one after the other instead of a batch that failed, in its order.

    Records come before what is due. Of these: what lies before one that fails alone, it, and what
    lies after it (which may fail again); eighths if there is none. Each piece is smaller.
    """
    if records and due:
        return [(records, ()), ((), due)]
    size = len(records) + len(due)
    at = _suspect(records, due, fails)
    if fails(records[at : at + 1], due[at : at + 1]):
        cuts = [0, at, at + 1, size]
    else:
        cuts = [*range(0, size, -(-size // PIECES)), size]
    return [(records[a:b], due[a:b]) for a, b in pairwise(cuts) if a < b]


def _suspect(records: Sequence[Record], due: Sequence[Due], fails: Fails) -> int:
    """The only one left when the half that fails is halved again and again."""
    low, high = 0, len(records) + len(due)
    while high - low > 1:
        middle = (low + high) // 2
        if fails(records[low:middle], due[low:middle]):
            high = middle
        else:
            low = middle
    return low


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
