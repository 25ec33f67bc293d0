"""What becomes of a record that no decision can be made on: a dead letter, and nothing else."""

from __future__ import annotations

from schemas.dead_letter import Reason
from services.common.batch import Batch, Decision, Due, Record
from services.common.dead_letters import dead_letter


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
