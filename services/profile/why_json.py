"""Why two identifiers are one person, or what makes one person, as JSON objects."""

from __future__ import annotations

from typing import Any

from services.profile.domain.ids import uuid_text
from services.profile.domain.ties import End, Tie
from services.profile.domain.why import Whole, Why


def why_json(why: Why) -> dict[str, Any]:
    """The answer, the profiles of the two, and the chain between them."""
    return {
        "answer": why.answer,
        "profiles": [_uuid(profile) for profile in why.profiles],
        "chain": [tie_json(tie) for tie in why.chain],
        "apart": [tie_json(tie) for tie in why.apart],
    }


def whole_json(whole: Whole) -> dict[str, Any]:
    """A person's identifiers, each link that holds one, and the refused ones."""
    return {
        "profile_id": _uuid(whole.profile),
        "identifiers": [_end(end) for end in whole.identifiers],
        "links": [tie_json(tie) for tie in whole.ties],
        "refused": [tie_json(tie) for tie in whole.refused],
    }


def tie_json(tie: Tie) -> dict[str, Any]:
    """One link. The value of an identifier that is elsewhere is null."""
    said: dict[str, Any] = {
        "one": _end(tie.one),
        "other": _end(tie.other),
        "event_id": _uuid(tie.event),
        "at": tie.at.isoformat(),
        "says": tie.says,
        "key": "public" if tie.public else "trusted",
    }
    if tie.refused:
        said |= {"refused": str(tie.refused), "because": tie.because}
    if tie.by or tie.reason:
        said |= {"requested_by": tie.by, "reason": tie.reason}
    return said


def _end(end: End) -> dict[str, str | None]:
    return {"kind": end.kind, "value": end.value}


def _uuid(sixteen: bytes | None) -> str | None:
    return uuid_text(sixteen) if sixteen else None
