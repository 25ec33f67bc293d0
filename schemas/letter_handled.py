"""What became of a dead letter: sent again, given up or suppressed, by whom and why."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from schemas.base import Message, Moment, Name, ShortText


class Handling(StrEnum):
    """What was done with a letter. One that nothing was done with is open."""

    REDRIVEN = "redriven"
    DISCARDED = "discarded"
    SUPPRESSED = "suppressed"


class LetterHandled(Message):
    """Topic dead_letters.handled. It concerns the letter as it was at `letter_at`: when the same
    bytes are refused again later, it is open again. `rule`: how it was mended; `why`: a person's
    words; `run`: one for all letters of one command."""

    workspace: Name
    event_id: UUID
    letter_id: UUID
    letter_at: Moment
    handling: Handling
    at: Moment
    who: Name
    run: UUID
    rule: ShortText = ""
    why: ShortText = ""
