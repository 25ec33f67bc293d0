"""An account's id, its name or its address → the account, and how it looks to whoever asks."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.profile_asked import AskedAccount
from services.common.api_keys import Scope, is_personal
from services.profile.accounts.naming import AccountNames
from services.profile.accounts.publish import account_json
from services.profile.api import answers
from services.profile.api.account_reader import AccountReader, FoundAccount
from services.profile.api.answers import Answer, Refused, not_found, unchanged, versioned
from services.profile.api.keys import Holder
from services.profile.api.masks import masked_account
from services.profile.api.people import People
from services.profile.domain.households import same_for_all
from services.profile.domain.ids import uuid_bytes

ACCOUNTS: Final = b"/v1/accounts/"

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


class Accounts:
    """Finds accounts for whoever holds a key, and puts on record who looked at which."""

    def __init__(self, reader: AccountReader, people: People, salt: str) -> None:
        self.reader = reader
        self.names = AccountNames(salt)
        self._people = people

    async def by_id(self, holder: Holder, written: str) -> FoundAccount:
        """Refused: 400, 404."""
        try:
            account = uuid_bytes(written)
        except ValueError:
            raise answers.bad_request("an account's profile id is a UUID", "bad_id") from None
        return await self._at(holder, account)

    async def by_name(self, holder: Holder, asked: AskedAccount) -> FoundAccount:
        """By what its source calls it, or a household by what its people have in common.
        Refused: 400, 403, 404."""
        if bool(asked.household) == (asked.account_id is not None):
            raise answers.bad_request("say either `account_id` or `household`", "no_account")
        name = asked.account_id or self._household(holder, asked.household)
        return await self._at(holder, self.names.profile(holder.premises.name, name.strip()))

    def shown(self, holder: Holder, found: FoundAccount, if_none_match: bytes | None) -> Answer:
        """The account as the holder may see it; 304 where they have seen it."""
        sees_members = Scope.MEMBERS_READ in holder.scopes
        etag = b'"%d.%b%b"' % (found.version, holder.view, b"m" if sees_members else b"")
        if answers.matches(if_none_match, etag):
            return unchanged(etag)
        currency = holder.premises.workspace.currency
        body = account_json(found.text, found.version, found.root, currency)
        if not sees_members:
            body = _without_members(body)
        if holder.sees_personal:
            self._people.note(holder, "account.read", found.text)
        else:
            body = masked_account(body, holder.premises.personal)
        return versioned(body, etag, ((b"content-location", ACCOUNTS + found.text.encode()),))

    async def _at(self, holder: Holder, account: bytes) -> FoundAccount:
        (found,) = await self.reader.accounts([account])
        if found is None or found.head.workspace != holder.premises.name:
            raise not_found("account")
        return found

    def _household(self, holder: Holder, traits: dict[str, Any]) -> str:
        """The account id of the household of people in whose profiles these traits stand."""
        names = holder.premises.workspace.household_traits
        if set(traits) != set(names):
            wanted = f"exactly {', '.join(names)}" if names else "none here"
            message = f"`household`: household_traits of the workspace name {wanted}"
            raise answers.bad_request(message, "bad_household")
        hidden = [one for one in names if is_personal(one, holder.premises.personal)]
        if hidden and not holder.sees_personal:
            message = f"a household by the trait {hidden[0]!r} needs the scope {Scope.PROFILE_PII}"
            raise Refused(403, "forbidden", message)
        shared = same_for_all({name: _encode(value) for name, value in traits.items()}, names)
        if shared is None:
            raise answers.bad_request("`household`: a value says nothing", "bad_household")
        return self.names.household(holder.premises.name, shared)


def _without_members(body: bytes) -> bytes:
    shown = _decode(body)
    shown["member_profile_ids"] = []
    return _encode(shown)
