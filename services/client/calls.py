"""Every call of the API as a value: what is sent, and how the answer is read. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel

from schemas.profile import Profile
from schemas.profile_api import (
    Links,
    Merges,
    MergeTaken,
    SearchPage,
    ShownConsent,
    ShownScores,
    ShownStage,
    TimelinePage,
    WhyAnswer,
)
from schemas.profile_asked import (
    PAGE_MAX,
    AskedIdentifier,
    MergeAsked,
    PairAsked,
    Search,
)

Model = TypeVar("Model", bound=BaseModel)
ProfileId = UUID | str
#: Kind and value.
Named = tuple[str, str]

#: Sent again so often where the API, or the way to it, is away for a moment.
TRIES_MAX: Final = 4
AGAIN_STATUSES: Final = frozenset({502, 503, 504})
AGAIN_AFTER_S: Final = (0.2, 0.5, 1.0)
AFTER_S_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class Call(Generic[Model]):
    """One request; all of them may be sent twice."""

    method: str
    path: str
    model: type[Model]
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cached: bool = False

    def paged(self, cursor: str | None) -> Call[Model]:
        """The same from a cursor on."""
        if cursor is None:
            return self
        if self.json is not None:
            return replace(self, json={**self.json, "cursor": cursor})
        return replace(self, params={**self.params, "cursor": cursor})


def profile(profile_id: ProfileId) -> Call[Profile]:
    return Call("GET", _path(profile_id), Profile, cached=True)


def lookup(kind: str, value: str) -> Call[Profile]:
    asked = AskedIdentifier(kind=kind, value=value)
    return Call("POST", "/v1/profiles/lookup", Profile, json=asked.model_dump())


def links(profile_id: ProfileId) -> Call[Links]:
    return Call("GET", _path(profile_id, "links"), Links, cached=True)


def merges(profile_id: ProfileId) -> Call[Merges]:
    return Call("GET", _path(profile_id, "merges"), Merges)


def scores(profile_id: ProfileId) -> Call[ShownScores]:
    return Call("GET", _path(profile_id, "scores"), ShownScores, cached=True)


def stage(profile_id: ProfileId) -> Call[ShownStage]:
    return Call("GET", _path(profile_id, "stage"), ShownStage)


def consent(profile_id: ProfileId) -> Call[ShownConsent]:
    return Call("GET", _path(profile_id, "consent"), ShownConsent, cached=True)


def timeline(
    profile_id: ProfileId,
    kinds: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    page: int = PAGE_MAX,
) -> Call[TimelinePage]:
    params: dict[str, Any] = {"limit": page}
    if kinds:
        params["kind"] = list(kinds)
    for name, moment in (("since", since), ("until", until)):
        if moment is not None:
            params[name] = moment.isoformat()
    return Call("GET", _path(profile_id, "timeline"), TimelinePage, params=params)


def why(one: Named, other: Named) -> Call[WhyAnswer]:
    said = PairAsked(one=_identifier(one), other=_identifier(other)).model_dump()
    return Call("POST", "/v1/why", WhyAnswer, json=said)


def search(asked: Search) -> Call[SearchPage]:
    said = asked.model_dump(mode="json", exclude_none=True)
    return Call("POST", "/v1/profiles/search", SearchPage, json=said)


def merge(asked: MergeAsked, key: str | None) -> Call[MergeTaken]:
    return _request("/v1/merges", asked, key)


def unmerge(asked: MergeAsked, key: str | None) -> Call[MergeTaken]:
    return _request("/v1/unmerges", asked, key)


def asked_of(one: Named, other: Named, reason: str | None, requested_by: str | None) -> MergeAsked:
    """The two identifiers as the API is asked about them."""
    return MergeAsked(
        one=_identifier(one),
        other=_identifier(other),
        reason=reason,
        requested_by=requested_by,
    )


def _identifier(named: Named) -> AskedIdentifier:
    return AskedIdentifier(kind=named[0], value=named[1])


def _request(path: str, asked: MergeAsked, key: str | None) -> Call[MergeTaken]:
    """Without a key of the caller's one is made, so that a repeat of ours counts once."""
    headers = {"idempotency-key": key or uuid4().hex}
    said = asked.model_dump(exclude_none=True)
    return Call("POST", path, MergeTaken, json=said, headers=headers)


def _path(profile_id: ProfileId, part: str = "") -> str:
    return f"/v1/profiles/{UUID(str(profile_id))}" + (f"/{part}" if part else "")


def wait_s(tried: int, retry_after: str | None) -> float:
    """How long to wait before the next try: what the API says, else longer each time."""
    try:
        said = float(retry_after or "")
    except ValueError:
        return AGAIN_AFTER_S[min(tried, len(AGAIN_AFTER_S) - 1)]
    return min(max(said, 0.0), AFTER_S_MAX)
