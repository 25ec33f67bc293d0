"""Who belongs to an account, page by page; and which accounts a person belongs to."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

import msgspec

from schemas.money import from_minor
from schemas.profile_api_accounts import (
    AccountMember,
    AccountOfPerson,
    AccountsOfPerson,
    MembersPage,
)
from schemas.profile_asked import MembersAsked
from services.common.masking import masked
from services.profile.accounts.publish import KIND_UNSAID, kind_of
from services.profile.api.account_reader import FoundAccount
from services.profile.api.accounts import Accounts
from services.profile.api.cursors import OfMembers, read, written
from services.profile.api.keys import Holder
from services.profile.api.masks import HIDDEN, account_name
from services.profile.api.people import Found, People
from services.profile.domain import rollup as r
from services.profile.domain.combine import combined
from services.profile.domain.component import kind_name
from services.profile.domain.households import same_for_all
from services.profile.domain.members_in_order import Member
from services.profile.domain.part import Part
from services.profile.sections.memberships import Membership, memberships

HOUSEHOLD: Final = "household"
_REMOVED: Final = b"null"


async def page_of(
    accounts: Accounts, people: People, holder: Holder, account: FoundAccount, asked: MembersAsked
) -> MembersPage:
    """The page that was asked for; it may hold fewer than `limit`, since accounts come after
    people: who was merged or erased meanwhile is left out. Refused: 400, 503."""
    after = None if asked.cursor is None else read(asked.cursor, OfMembers).profile
    members = await accounts.reader.members(account.id, after, asked.limit + 1)
    more, members = len(members) > asked.limit, members[: asked.limit]
    following = written(OfMembers(members[-1].profile)) if more else None
    persons = await asyncio.gather(*(people.at_node(holder, one.profile) for one in members))
    items = tuple(
        _member(one, person, holder)
        for one, person in zip(members, persons, strict=True)
        if person is not None and person.id == one.profile
    )
    return MembersPage(account_profile_id=UUID(bytes=account.id), items=items, next=following)


async def of_person(accounts: Accounts, holder: Holder, found: Found) -> AccountsOfPerson:
    """Those that the person belongs to or did, and the household that their traits make."""
    nodes = (found.home.component.nodes[place] for place in found.person.places)
    whole = combined([node.part for node in nodes if node.part is not None])
    said = memberships(whole)
    household = _household(accounts, holder, whole)
    names = [one.account_id for one in said] + ([household] if household else [])
    ids = [accounts.names.profile(holder.premises.name, name) for name in names]
    known = await accounts.reader.accounts(ids)
    items = [
        _of_said(one, account, at, holder)
        for one, account, at in zip(said, ids, known, strict=False)
    ]
    if household:
        items.append(_of_traits(household, ids[-1], known[-1], holder))
    return AccountsOfPerson(
        profile_id=UUID(bytes=found.id), version=found.home.version, items=tuple(items)
    )


def _member(member: Member, person: Found, holder: Holder) -> AccountMember:
    rollup, currency = member.rollup, holder.premises.workspace.currency
    nodes = [person.home.component.nodes[place] for place in person.person.places]
    role, tier = (next(iter(names), None) for names in (rollup.roles, rollup.tiers))
    return AccountMember.model_validate(
        {
            "profile_id": person.text,
            "identifiers": [
                {
                    "kind": kind_name(node.kind),
                    "value": node.value if holder.sees_personal else HIDDEN,
                }
                for node in nodes
            ],
            "role": _text(role, holder),
            "tier": _text(tier, holder),
            "first_seen_at": rollup.earliest[r.FIRST_SEEN],
            "last_seen_at": rollup.latest[r.LAST_SEEN],
            "events": rollup.sums[r.EVENTS],
            "orders": rollup.sums[r.ORDERS],
            "revenue": from_minor(rollup.amounts.get(f"revenue:{currency}", 0), currency),
            "currency": currency,
        }
    )


def _of_said(
    said: Membership, account: bytes, known: FoundAccount | None, holder: Holder
) -> AccountOfPerson:
    """As the person's events say; what it is, as everybody's do, where that is known yet."""
    own = KIND_UNSAID if said.kind is None else msgspec.json.decode(said.kind.value, type=str)
    whole = None if known is None else known.head.node.rollup
    kind = own if whole is None else kind_of(whole)
    return AccountOfPerson(
        account_profile_id=UUID(bytes=account),
        account_id=said.account_id if holder.sees_personal else account_name(said.account_id, kind),
        kind=kind,
        members=None if whole is None else whole.sums[r.MEMBERS],
        role=_text(said.role, holder),
        since=said.since,
        left_at=said.left_at,
    )


def _of_traits(
    name: str, account: bytes, known: FoundAccount | None, holder: Holder
) -> AccountOfPerson:
    return AccountOfPerson(
        account_profile_id=UUID(bytes=account),
        account_id=name if holder.sees_personal else HIDDEN,
        kind=HOUSEHOLD,
        members=None if known is None else known.head.node.rollup.sums[r.MEMBERS],
        by_traits=True,
    )


def _household(accounts: Accounts, holder: Holder, whole: Part) -> str | None:
    """The account id of the household that the person's traits make, if they make one."""
    names = holder.premises.workspace.household_traits
    said = {name: whole.traits[name][3] for name in names if name in whole.traits}
    values = {name: value for name, value in said.items() if value != _REMOVED}
    shared = same_for_all(values, names)
    return None if shared is None else accounts.names.household(holder.premises.name, shared)


def _text(said: str | None, holder: Holder) -> str | None:
    return masked(said) if said is not None and not holder.sees_personal else said
