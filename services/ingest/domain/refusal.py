"""Why a call was not taken: a value, never an exception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from schemas.dead_letter import Reason
from services.common.batch import Output


class Violated(NamedTuple):
    """What is published of an event that is not as planned; `event` and `mode` are counted."""

    output: Output
    event: str
    mode: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason for machines, the detail for people, the field as the sender spelled it."""

    reason: Reason
    detail: str
    field: str | None = None
    message_id: str | None = None
    violated: Violated | None = None
