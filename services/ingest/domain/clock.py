"""When something happened, by our clock: the sender's clock may be wrong by any amount.

Segment's rule: timestamp = receivedAt - (sentAt - originalTimestamp); without sentAt as sent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.base import YEAR_MAX, YEAR_MIN
from schemas.dead_letter import Reason
from services.ingest.domain.refusal import Refusal

Call = dict[str, Any]
Notes = dict[str, Any]


def moment_of(value: object) -> datetime | None:
    """The UTC moment of an RFC 3339 text (any number of digits of fraction); None if it is none.

    A text without a zone is taken as UTC. Years outside 1900-2200 are no moments. A moment that
    was read before (a batch's sentAt) is taken as it is.
    """
    if not isinstance(value, str):
        return value if isinstance(value, datetime) else None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        try:
            moment = datetime.fromisoformat(value.strip().upper())
        except ValueError:
            return None
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        return None
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def occurred_at(call: Call, received_at: datetime, notes: Notes) -> datetime | Refusal:
    """The corrected moment of a call.

    Nothing is known before it happened: a moment after its arrival becomes the arrival, and the
    notes keep what was sent. A sentAt that cannot be read corrects nothing, and is noted.
    """
    field = "originalTimestamp" if call.get("originalTimestamp") is not None else "timestamp"
    sent_value = call.get(field)
    if sent_value is None:
        return received_at
    original = moment_of(sent_value)
    if original is None:
        return _no_moment(field, sent_value)
    moment = _corrected(original, call.get("sentAt"), received_at, notes)
    if moment.year < YEAR_MIN:
        return _no_moment(field, sent_value)
    if moment > received_at:
        notes["timestamp_sent"] = sent_value[:100]
        return received_at
    return moment


def _corrected(original: datetime, sent: object, received_at: datetime, notes: Notes) -> datetime:
    if sent is None:
        return original
    sent_at = moment_of(sent)
    if sent_at is None:
        notes["sent_at"] = "unreadable"
        return original
    return received_at - (sent_at - original)


def _no_moment(field: str, value: object) -> Refusal:
    detail = f"{field} is not an RFC 3339 time in {YEAR_MIN}-{YEAR_MAX}: {str(value)[:100]!r}"
    return Refusal(Reason.BAD_TIME, detail, field)
