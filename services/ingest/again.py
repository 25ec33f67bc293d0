"""Whose a record of the log is, and the verdict on one that is re-driven from a dead letter."""

from __future__ import annotations

from typing import Final

from schemas.dead_letter import Reason, Redriven
from services.common.batch import Record
from services.common.workspace import INBOUND
from services.ingest.arrival import passage_of
from services.ingest.domain.refusal import Refusal, Suppressed
from services.ingest.keys import Doors
from services.ingest.letters import Place, Sender, Verdict, kept_out, refused
from services.ingest.reading import decoded

#: The source of what comes from the log for the first time.
SOURCE: Final = INBOUND
NOBODY: Final = "unknown"


def workspace_named_by(record: Record, doors: Doors) -> str | None:
    """By its header, else (where there are several) by a field of the call."""
    for name, value in record.headers:
        if name in ("workspace", "ce_workspace"):
            return value.decode("utf-8", "replace")
    if doors.of_workspace(None) is not None or b'"workspace"' not in record.value:
        return None
    call = decoded(record.value)
    said = call.get("workspace") if isinstance(call, dict) else None
    return said if isinstance(said, str) else None


def judged_again(doors: Doors, place: Place, redriven: Redriven) -> list[Verdict]:
    """The verdicts on what a letter kept, as if it came now the way that it had come.

    A CloudEvent or a row's change is understood anew, by the mappings of today; as the first time
    it may be several calls, and each is named by what it was made of.
    """
    name = workspace_named_by(place.record, doors)
    door = doors.of_letter(name, redriven.source)
    if door is None:
        return [homeless(place, name, doors, redriven)]
    calls = doors.foreign_of(door.sender.workspace).understood(place.record)
    if calls == [place.record.value]:
        return [door.admit_again(place, redriven)]
    way = redriven.way.model_copy(update={"message_id": None})
    parts = [redriven.model_copy(update={"way": way, "part": part}) for part in range(len(calls))]
    return [door.admit_again(place, one, call) for one, call in zip(parts, calls, strict=True)]


def homeless(
    place: Place, name: str | None, doors: Doors, redriven: Redriven | None = None
) -> Verdict:
    """The verdict on a call of no workspace that is known here."""
    detail = f"no workspace {name[:100]!r} here" if name else "no workspace is named"
    sender = Sender(NOBODY, redriven.source if redriven else SOURCE)
    refusal = Refusal(Reason.UNKNOWN_WORKSPACE, detail)
    if (listed_in := doors.suppresses(place.record)) is not None:
        return kept_out(Suppressed(listed_in), refusal)
    return refused(place.record.value, sender, refusal, passage_of(place, redriven))
