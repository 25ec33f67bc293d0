"""Under which names a call knows its person: cleaned, unblocked, strongest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from schemas.dead_letter import Reason
from schemas.identifier import IDENTIFIER_KINDS, normalised
from services.ingest.domain.refusal import Refusal

Call = dict[str, Any]
Notes = dict[str, Any]
#: (kind, value), normalised.
Known = tuple[str, str]
#: Kind -> values, casefolded, that name nobody.
Blocked = Mapping[str, frozenset[str]]

PHONE_NAMES: Final = ("phone", "phone_number", "mobile")
_STRENGTH: Final = {kind: rank for rank, kind in enumerate(IDENTIFIER_KINDS)}


def identifiers_of(
    call: Call, described_by: tuple[Call, ...], blocked: Blocked, notes: Notes
) -> tuple[Known, ...] | Refusal:
    """The call's identifiers. `described_by`: the objects that may hold an e-mail or a phone.

    A blocked or malformed one is dropped and noted where another remains; else it is refused.
    """
    found: list[Known] = []
    dropped: list[tuple[str, str, str]] = []
    for kind, field, value in _candidates(call, described_by):
        clean = cleaned(kind, value, blocked)
        if isinstance(clean, Refusal):
            dropped.append((kind, field, clean.detail))
        elif (kind, clean) not in found:
            found.append((kind, clean))
    if not found:
        return _nobody(dropped)
    if dropped:
        notes["identifiers_dropped"] = [
            {"kind": kind, "field": field, "why": why} for kind, field, why in dropped
        ]
    return tuple(found)


def cleaned(kind: str, value: object, blocked: Blocked) -> str | Refusal:
    """The one spelling of an identifier, or why it is none."""
    text = value if isinstance(value, str) else _as_text(value)
    if text is None:
        return Refusal(Reason.BAD_IDENTIFIER, f"{kind} is neither a text nor a whole number")
    try:
        clean = normalised(kind, text)
    except ValueError as error:
        return Refusal(Reason.BAD_IDENTIFIER, str(error)[:300])
    folded = clean.casefold()
    if folded in blocked.get(kind, ()) or not folded.strip("0-"):
        return Refusal(Reason.BAD_IDENTIFIER, f"{kind} is a blocked value, it names nobody")
    return clean


def _candidates(call: Call, described_by: tuple[Call, ...]) -> Iterator[tuple[str, str, object]]:
    """(kind, field, value), strongest kind first; nulls and empty texts are not there at all."""
    if _given(value := call.get("userId")):
        yield "user_id", "userId", value
    for described in described_by:
        if _given(value := described.get("email")):
            yield "email", "email", value
    for described in described_by:
        for name in PHONE_NAMES:
            if _given(value := described.get(name)):
                yield "phone", name, value
    if _given(value := call.get("anonymousId")):
        yield "anonymous_id", "anonymousId", value


def _given(value: object) -> bool:
    return value is not None and value != ""


def _as_text(value: object) -> str | None:
    """Databases number their users: whole numbers are ids too; true and false are not."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value) if isinstance(value, int) and abs(value) < 10**30 else None


def _nobody(dropped: list[tuple[str, str, str]]) -> Refusal:
    if not dropped:
        detail = "no userId, anonymousId, e-mail or phone"
        return Refusal(Reason.NO_IDENTIFIER, detail, "userId")
    why = "; ".join(detail for _, _, detail in dropped[:5])
    return Refusal(Reason.BAD_IDENTIFIER, why, dropped[0][1])


def strongest(known: tuple[Known, ...]) -> Known:
    """Whom the event counts for."""
    return min(known, key=lambda identifier: _STRENGTH[identifier[0]])
