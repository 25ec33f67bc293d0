"""What alerts are about: the silence since an order, a complaint, a link of two people refused.

A subject is the bytes that name it beside the kind of alert. The kind says how to read them.
"""

from __future__ import annotations

from enum import Enum
from typing import Final
from uuid import UUID

from schemas.alert import AlertKind


class About(Enum):
    """SILENCE: one customer's, since the last order. COMPLAINT: moves with it to whoever has it.
    CONFLICT: a refused link, told of each of the people whom it would have joined."""

    SILENCE = "silence"
    COMPLAINT = "complaint"
    CONFLICT = "conflict"


ABOUT: Final[dict[AlertKind, About]] = {
    "churn_risk": About.SILENCE,
    "high_value_complained": About.COMPLAINT,
    "complaint_overdue": About.COMPLAINT,
    "identity_conflict": About.CONFLICT,
}


def kinds_about(about: About) -> tuple[AlertKind, ...]:
    """The kinds of alerts whose subjects are of this type."""
    return tuple(kind for kind, of in ABOUT.items() if of is about)


def silence_since(last_order_us: int) -> bytes:
    """The subject of an alert about the silence since an order."""
    return last_order_us.to_bytes(8, "big", signed=True)


def silence_of(subject: bytes) -> int:
    """The last order (µs) of a silence."""
    return int.from_bytes(subject, "big", signed=True)


def cause_of_subject(kind: AlertKind, subject: bytes) -> UUID | None:
    """The event that a complaint or a refused link began with; a silence begins with none."""
    return None if ABOUT[kind] is About.SILENCE else UUID(bytes=subject)
