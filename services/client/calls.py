"""Every call of the API as a value: what is sent, and how the answer is read. No I/O here.

Both clients have each of these as a method, with its arguments and its documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel

from schemas.account import Account
from schemas.profile import Profile
from schemas.profile_api import (
    FoundProfile,
    Links,
    Merges,
    MergeTaken,
    SearchPage,
    ShownConsent,
    ShownScores,
    ShownStage,
    TimelineEvent,
    TimelinePage,
    WhyAnswer,
)
from schemas.profile_api_accounts import (
    AccountMember,
    AccountsOfPerson,
    MembersPage,
)
from schemas.profile_asked import (
    PAGE_MAX,
    AskedAccount,
    AskedIdentifier,
    MergeAsked,
    PairAsked,
    Search,
)

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item", bound=BaseModel)
#: Of a person or of an account.
ProfileId = UUID | str
#: Kind and value.
Named = tuple[str, str]


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


@dataclass(frozen=True, slots=True)
class Paged(Generic[Item]):
    """Requests for one page after the other. `item`: what their pages hold."""

    first: Call[Any]
    item: type[Item]

    def page(self, cursor: str | None) -> Call[Any]:
        """The one behind a cursor."""
        if cursor is None:
            return self.first
        if self.first.json is not None:
            return replace(self.first, json={**self.first.json, "cursor": cursor})
        return replace(self.first, params={**self.first.params, "cursor": cursor})


def profile(profile_id: ProfileId) -> Call[Profile]:
    """The person who has this id now; of one that merged, the survivor."""
    return Call("GET", _path(profile_id), Profile, cached=True)


def lookup(kind: str, value: str) -> Call[Profile]:
    """The person who is known by this identifier, in any spelling."""
    asked = AskedIdentifier(kind=kind, value=value)
    return Call("POST", "/v1/profiles/lookup", Profile, json=asked.model_dump())


def links(profile_id: ProfileId) -> Call[Links]:
    """Why this is one person."""
    return Call("GET", _path(profile_id, "links"), Links, cached=True)


def merges(profile_id: ProfileId) -> Call[Merges]:
    """The ids that lead to this person."""
    return Call("GET", _path(profile_id, "merges"), Merges)


def scores(profile_id: ProfileId) -> Call[ShownScores]:
    """The newest scores, with their reasons."""
    return Call("GET", _path(profile_id, "scores"), ShownScores, cached=True)


def stage(profile_id: ProfileId) -> Call[ShownStage]:
    """Where the person is in the lifecycle, and the transitions before."""
    return Call("GET", _path(profile_id, "stage"), ShownStage)


def consent(profile_id: ProfileId) -> Call[ShownConsent]:
    """What the person allowed and forbade, purpose by purpose."""
    return Call("GET", _path(profile_id, "consent"), ShownConsent, cached=True)


def accounts(profile_id: ProfileId) -> Call[AccountsOfPerson]:
    """The accounts and households that the person belongs to, or did."""
    return Call("GET", _path(profile_id, "accounts"), AccountsOfPerson, cached=True)


def timeline(
    profile_id: ProfileId,
    *,
    kinds: tuple[str, ...] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> Paged[TimelineEvent]:
    """All of it, newest first, asked for page by page."""
    params: dict[str, Any] = {"limit": PAGE_MAX}
    if kinds:
        params["kind"] = list(kinds)
    for name, moment in (("since", since), ("until", until)):
        if moment is not None:
            params[name] = moment.isoformat()
    path = _path(profile_id, "timeline")
    return Paged(Call("GET", path, TimelinePage, params=params), TimelineEvent)


def search(asked: Search) -> Paged[FoundProfile]:
    """All that are found, asked for page by page."""
    said = asked.model_dump(mode="json", exclude_none=True)
    return Paged(Call("POST", "/v1/profiles/search", SearchPage, json=said), FoundProfile)


def account(account_profile_id: ProfileId) -> Call[Account]:
    """The account or household that has this id: what its members come to."""
    return Call("GET", _account(account_profile_id), Account, cached=True)


def lookup_account(account_id: str) -> Call[Account]:
    """The account that its source calls so."""
    return _asked_account(AskedAccount(account_id=account_id))


def lookup_household(**traits: Any) -> Call[Account]:
    """The household of people in whose profiles the workspace's household_traits are these."""
    return _asked_account(AskedAccount(household=traits))


def members(account_profile_id: ProfileId) -> Paged[AccountMember]:
    """All who belong to an account, by profile id, asked for page by page."""
    path, params = _account(account_profile_id, "members"), {"limit": PAGE_MAX}
    return Paged(Call("GET", path, MembersPage, params=params), AccountMember)


def why(one: Named, other: Named) -> Call[WhyAnswer]:
    """Why two identifiers are one person, or why they are not."""
    said = PairAsked(one=_identifier(one), other=_identifier(other)).model_dump()
    return Call("POST", "/v1/why", WhyAnswer, json=said)


def merge(
    one: Named,
    other: Named,
    *,
    reason: str | None = None,
    requested_by: str | None = None,
    idempotency_key: str | None = None,
) -> Call[MergeTaken]:
    """Say that two identifiers are one person."""
    return _request("/v1/merges", _asked(one, other, reason, requested_by), idempotency_key)


def unmerge(
    one: Named,
    other: Named,
    *,
    reason: str | None = None,
    requested_by: str | None = None,
    idempotency_key: str | None = None,
) -> Call[MergeTaken]:
    """Say that two identifiers, which are one person now, are two."""
    return _request("/v1/unmerges", _asked(one, other, reason, requested_by), idempotency_key)


def _asked(one: Named, other: Named, reason: str | None, requested_by: str | None) -> MergeAsked:
    return MergeAsked(
        one=_identifier(one),
        other=_identifier(other),
        reason=reason,
        requested_by=requested_by,
    )


def _asked_account(asked: AskedAccount) -> Call[Account]:
    said = asked.model_dump(exclude_defaults=True)
    return Call("POST", "/v1/accounts/lookup", Account, json=said)


def _identifier(named: Named) -> AskedIdentifier:
    return AskedIdentifier(kind=named[0], value=named[1])


def _request(path: str, asked: MergeAsked, key: str | None) -> Call[MergeTaken]:
    """Without a key of the caller's one is made, so that a repeat of ours counts once."""
    headers = {"idempotency-key": key or uuid4().hex}
    said = asked.model_dump(exclude_none=True)
    return Call("POST", path, MergeTaken, json=said, headers=headers)


def _path(profile_id: ProfileId, part: str = "") -> str:
    return f"/v1/profiles/{UUID(str(profile_id))}" + (f"/{part}" if part else "")


def _account(account_profile_id: ProfileId, part: str = "") -> str:
    return f"/v1/accounts/{UUID(str(account_profile_id))}" + (f"/{part}" if part else "")
