"""The endpoints of accounts and households, and of who belongs to them; all from Redis."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from schemas.account import Account
from schemas.base import to_json
from schemas.profile_api_accounts import (
    AccountsOfPerson,
    MembersPage,
)
from schemas.profile_asked import AskedAccount, MembersAsked
from services.common.api_keys import Scope
from services.profile.api.answers import tag_of
from services.profile.api.endpoint import (
    IfNoneMatch,
    Parts,
    ProfileId,
    holder_in,
    note,
    respond,
    tag_in,
    versioned_by,
)
from services.profile.api.members import of_person, page_of
from services.profile.api.openapi import documented

AccountId = Annotated[
    str,
    Path(
        description="An account's profile id; lookup finds it by what its source calls it",
        json_schema_extra={"format": "uuid"},
    ),
]


def add_accounts(router: APIRouter, parts: Parts) -> None:
    people, accounts = parts.people, parts.accounts

    @router.get(
        "/accounts/{account_profile_id}", **documented(Scope.ACCOUNT_READ, Account, cached=True)
    )
    async def get_account(
        request: Request, account_profile_id: AccountId, if_none_match: IfNoneMatch = None
    ) -> Response:
        """What the members of an account or household come to together. Without `members:read`
        none of them is named."""
        holder = holder_in(request, Scope.ACCOUNT_READ)
        found = await accounts.by_id(holder, account_profile_id)
        return respond(accounts.shown(holder, found, tag_in(if_none_match)))

    @router.post("/accounts/lookup", **documented(Scope.ACCOUNT_READ, Account))
    async def lookup_account(request: Request, asked: AskedAccount) -> Response:
        """The account of a name, or the household of an address."""
        holder = holder_in(request, Scope.ACCOUNT_READ)
        found = await accounts.by_name(holder, asked)
        return respond(accounts.shown(holder, found, None))

    @router.get(
        "/accounts/{account_profile_id}/members",
        **documented(Scope.MEMBERS_READ, MembersPage, cached=True),
    )
    async def get_members(
        request: Request,
        account_profile_id: AccountId,
        asked: Annotated[MembersAsked, Query()],
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Who belongs to the account, with what they contribute; by profile id, page by page. A
        page may hold fewer than its limit."""
        holder = holder_in(request, Scope.MEMBERS_READ)
        found = await accounts.by_id(holder, account_profile_id)
        page = await page_of(accounts, people, holder, found, asked)
        if holder.sees_personal:
            for member in page.items:
                people.note(holder, "member.read", str(member.profile_id), account=found.text)
        body = to_json(page)
        return versioned_by(body, tag_of(body), if_none_match)

    @router.get(
        "/profiles/{profile_id}/accounts",
        **documented(Scope.MEMBERS_READ, AccountsOfPerson, cached=True),
    )
    async def get_accounts(
        request: Request, profile_id: ProfileId, if_none_match: IfNoneMatch = None
    ) -> Response:
        """The accounts and households that the person belongs to or did, as their events say, and
        the household that their traits make."""
        holder = holder_in(request, Scope.MEMBERS_READ)
        found = await people.by_id(holder, profile_id)
        note(people, holder, "accounts.read", found)
        body = to_json(await of_person(accounts, holder, found))
        return versioned_by(body, tag_of(body), if_none_match)
