"""What becomes of a record that no decision can be made on: a dead letter, and nothing else.

It is found by trying its batch again in pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.dead_letter import Reason
from services.common.batch import Batch, Decision, Due, Record
from services.common.dead_letters import dead_letter

#: With two, as much as the whole batch would be tried in vain once more until the record stands
#: alone; with eight, a seventh.
PIECES = 8


def pieces(
    records: Sequence[Record], due: Sequence[Due]
) -> list[tuple[Sequence[Record], Sequence[Due]]]:
    """The parts to try one after the other: records before what is due, then eighths."""
    if records and due:
        return [(records, ()), ((), due)]
    size = len(records) + len(due)
    each = -(-size // PIECES)
    return [(records[s : s + each], due[s : s + each]) for s in range(0, size, each)]


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
