"""What the profile API answers about accounts and households, besides the account itself.

Where a key may not see personal data, identifiers and personal values are `***`.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from pydantic import Field

from schemas.base import Message, Moment
from schemas.identifier import Identifier
from schemas.profile_asked import Cursor


class AccountMember(Message):
    """Somebody who belongs to an account, with what they contribute to it."""

    profile_id: UUID
    identifiers: tuple[Identifier, ...]
    role: str | None = None
    tier: str | None = None
    first_seen_at: Moment | None = None
    last_seen_at: Moment | None = None
    events: int
    orders: int
    revenue: Decimal
    currency: str


class MembersPage(Message):
    """By profile id: in no order that means anything, but always the same one."""

    account_profile_id: UUID
    items: tuple[AccountMember, ...] = ()
    next: Cursor | None = None


class AccountOfPerson(Message):
    """An account or household that somebody belongs to, or (`left_at`) did."""

    account_profile_id: UUID
    account_id: str
    kind: str = Field(examples=["company"])
    members: int | None = Field(default=None, description="null: not counted yet, or nobody left")
    role: str | None = None
    since: Moment | None = None
    left_at: Moment | None = None
    by_traits: bool = Field(
        default=False, description="Nobody says so: their household_traits agree"
    )


class AccountsOfPerson(Message):
    """The accounts and households of a person, as the profile at this version knows them."""

    profile_id: UUID
    version: int
    items: tuple[AccountOfPerson, ...] = ()
