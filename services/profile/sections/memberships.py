"""The accounts and households of a person, as a snapshot shows them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.profile.domain.memberships import Told
from services.profile.domain.part import Part

_encode = msgspec.json.Encoder().encode


class Said(msgspec.Struct, gc=False):
    """schemas.profile.AccountTrait."""

    value: msgspec.Raw
    source: str
    at: datetime
    stamp: str


class Membership(msgspec.Struct, gc=False):
    """schemas.profile.AccountMembership."""

    account_id: str
    role: str | None
    since: datetime | None
    left_at: datetime | None
    kind: Said | None
    traits: dict[str, Said]


def accounts(part: Part) -> list[str]:
    """Those that the person belongs to."""
    return sorted([name for name, one in part.accounts.items() if one.lasts])


def memberships(part: Part) -> list[Membership]:
    """Also those that they left."""
    return [
        Membership(
            account_id,
            one.role.name if one.role is not None else None,
            one.since,
            one.left_at,
            _kind(one.kind),
            {name: _said(word, word.value) for name, word in one.traits.items()},
        )
        for account_id, one in sorted(part.accounts.items())
    ]


def _kind(word: Told | None) -> Said | None:
    return None if word is None else _said(word, _encode(word.value.decode()))


def _said(word: Told, value: bytes) -> Said:
    return Said(msgspec.Raw(value), word.source, word.at, word.event.hex())
