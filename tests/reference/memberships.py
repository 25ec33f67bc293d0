"""What must be known of one person's accounts, from the whole list of their events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schemas.touchpoint import Touchpoint
from services.profile.domain.bounds import ACCOUNTS_MAX, lot

Facts = dict[str, Any]
OF_THE_MEMBER = ("role", "left", "account_kind")


def memberships_of(events: list[Touchpoint]) -> list[Facts]:
    """schemas.profile.AccountMembership of each account, by its id."""
    links: list[Any] = [e for e in events if e.properties.kind == "account_linked"]
    ids = sorted({link.properties.account_id for link in links}, key=lot)[:ACCOUNTS_MAX]
    return [
        _membership(one, [link for link in links if link.properties.account_id == one])
        for one in sorted(ids)
    ]


def accounts_of(events: list[Touchpoint]) -> list[str]:
    """The accounts whose newest word is not that they left."""
    return [one["account_id"] for one in memberships_of(events) if one["since"] is not None]


def typed_memberships(raw: list[Facts]) -> list[Facts]:
    """Published ones in the form of `memberships_of`."""
    for one in raw:
        for name in ("since", "left_at"):
            one[name] = datetime.fromisoformat(one[name]) if one[name] else None
        for word in (*one["traits"].values(), *([one["kind"]] if one["kind"] else [])):
            word["at"] = datetime.fromisoformat(word["at"])
    return raw


def _membership(account_id: str, links: list[Any]) -> Facts:
    links = sorted(links, key=lambda link: (link.occurred_at, link.event_id.bytes))
    since = left_at = None
    for link in links:
        if link.properties.left:
            since, left_at = None, link.occurred_at
        elif since is None:
            since, left_at = link.occurred_at, None
    roles = [e.properties.role for e in links if e.properties.role and not e.properties.left]
    kinds = [e for e in links if e.properties.account_kind]
    said = {n: e for e in links for n in e.properties.traits if n not in OF_THE_MEMBER}
    return {
        "account_id": account_id,
        "role": roles[-1] if roles else None,
        "since": since,
        "left_at": left_at,
        "kind": _word(kinds[-1], kinds[-1].properties.account_kind) if kinds else None,
        "traits": {name: _word(e, e.properties.traits[name]) for name, e in said.items()},
    }


def _word(event: Any, value: Any) -> Facts:
    stamp = event.event_id.bytes[:8].hex()
    return {"value": value, "source": event.source, "at": event.occurred_at, "stamp": stamp}
