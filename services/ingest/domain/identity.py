"""Under which names a call knows its person: cleaned, unblocked, strongest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from schemas.dead_letter import Reason
from schemas.identifier import normalised
from services.ingest.domain.refusal import Refusal

Call = dict[str, Any]
Notes = dict[str, Any]
#: (kind, value), normalised.
Known = tuple[str, str]
#: Kind -> values, casefolded, that name nobody.
Blocked = Mapping[str, frozenset[str]]

_DESCRIBED: Final = (("email", ("email",)), ("phone", ("phone", "phone_number", "mobile")))
_TELLING: Final = frozenset(name for _, names in _DESCRIBED for name in names)


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


def blocked_by(values: Iterable[str]) -> frozenset[str]:
    """How the blocked values of a kind are looked up: casefolded, and as somebody's quoted text."""
    folded = [value.casefold() for value in values]
    return frozenset(f"{quote}{value}{quote}" for value in folded for quote in ("", '"', "'"))


def cleaned(kind: str, value: object, blocked: Blocked) -> str | Refusal:
    """The one spelling of an identifier, or why it is none.

    Besides what the workspace blocks, zeros and dashes alone name nobody (as at Segment), in
    quotation marks or not (as at PostHog).
    """
    text = value if isinstance(value, str) else as_text(value)
    if text is None:
        return Refusal(Reason.BAD_IDENTIFIER, f"{kind} is neither a text nor a whole number")
    try:
        clean = normalised(kind, text)
    except ValueError as error:
        return Refusal(Reason.BAD_IDENTIFIER, str(error)[:300])
    folded = clean.casefold()
    if folded in blocked.get(kind, ()) or not folded.strip("0-\"'"):
        return Refusal(Reason.BAD_IDENTIFIER, f"{kind} is a blocked value, it names nobody")
    return clean


def _candidates(call: Call, described_by: tuple[Call, ...]) -> list[tuple[str, str, object]]:
    """(kind, field, value) by schemas.identifier.IDENTIFIER_KINDS, strongest first.

    Nulls and empty texts are not there at all.
    """
    found: list[tuple[str, str, object]] = []
    if (value := call.get("userId")) is not None and value != "":
        found.append(("user_id", "userId", value))
    telling = [described for described in described_by if not _TELLING.isdisjoint(described)]
    for kind, names in _DESCRIBED if telling else ():
        for described in telling:
            for name in names:
                if (value := described.get(name)) is not None and value != "":
                    found.append((kind, name, value))
    if (value := call.get("anonymousId")) is not None and value != "":
        found.append(("anonymous_id", "anonymousId", value))
    return found


def as_text(value: object) -> str | None:
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
