"""Why a call was not taken: a value, never an exception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pydantic import ValidationError

from schemas.dead_letter import Reason
from services.common.batch import Output


class Violated(NamedTuple):
    """What is published of an event that is not as planned; `event` and `mode` are counted."""

    output: Output
    event: str
    mode: str


class Suppressed(NamedTuple):
    """Somebody in it must not get into this workspace: nothing of it is kept."""

    workspace: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason for machines, the detail for people, the field as the sender spelled it.

    `names`: the identifiers of who it is about, where only a mapping can tell them.
    """

    reason: Reason
    detail: str
    field: str | None = None
    message_id: str | None = None
    violated: Violated | None = None
    names: tuple[tuple[str, str], ...] = ()


def bad_properties(error: ValidationError) -> Refusal:
    """Of properties that do not fit their kind: all faults in the text, the first one's field."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    texts = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:10]]
    first = ".".join(map(str, faults[0]["loc"])) or None
    return Refusal(Reason.BAD_PROPERTIES, "; ".join(texts), first)
